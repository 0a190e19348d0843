import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { BpfObject } from '../../bpf/bpf-object.ts';
import { openUserProbe, type ProbePoint, type UserPlace } from '../../bpf/probe-event.ts';
import { BPF_TRACE_UPROBE_MULTI, openUserProbeLink } from '../../bpf/uprobe-multi.ts';
import { libc } from '../../ffi/libc.ts';

/** A program of an object, and where in user code it is to run. */
export interface UserPoint {
  readonly program: string;
  readonly place: UserPlace;
  readonly point: ProbePoint;
}

/** Why a probe on user code was refused with EACCES. */
export const NOT_ROOT =
  'before Linux 6.6 only root may probe programs, and the recorder does not run as root (EACCES)';

/** What was attached, in the order asked for. */
export interface UserProbes {
  readonly object: BpfObject;
  readonly fds: readonly number[];
}

/**
 * Attaches programs to user code: by perf events, as every kernel can, which want CAP_SYS_ADMIN; without
 * it by links, from Linux 6.6 on, for which the object is loaded once more. `refused` makes an error of
 * an errno; nothing stays attached then.
 */
export function openUserProbes(
  points: readonly UserPoint[],
  load: (prepare: (object: BpfObject) => void) => Result<BpfObject, ProfilerError>,
  refused: (errno: string) => ProfilerError,
): Result<UserProbes, ProfilerError> {
  const byEvent = load(() => undefined);
  if (!byEvent.ok) return byEvent;
  const events = attachAll(byEvent.value, points, openUserProbe);
  if (events.ok) return ok({ object: byEvent.value, fds: events.value });
  if (events.error !== 'EACCES') return err(refused(events.error));
  const byLink = load((object) => {
    for (const { program } of points) object.setAttachType(program, BPF_TRACE_UPROBE_MULTI);
  });
  // Kernels before 6.6 refuse to load it: what the event said is the reason then.
  if (!byLink.ok) return err(refused(events.error));
  const links = attachAll(byLink.value, points, openUserProbeLink);
  if (links.ok) return ok({ object: byLink.value, fds: links.value });
  return err(refused(links.error === 'EINVAL' ? events.error : links.error));
}

function attachAll(
  object: BpfObject,
  points: readonly UserPoint[],
  open: typeof openUserProbe,
): Result<readonly number[], string> {
  const fds: number[] = [];
  for (const { program, place, point } of points) {
    const fd = open(place, object.programFd(program), point);
    if (fd.ok) {
      fds.push(fd.value);
      continue;
    }
    for (const opened of fds) libc().close(opened);
    return fd;
  }
  return ok(fds);
}

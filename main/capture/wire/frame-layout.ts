/**
 * The header of every frame between engine and helper. Apart from the schemas of what is in them: the drain
 * thread packs frames and has no use for those.
 */

/** Of the frames and of what is in them; see helper-protocol.ts. */
export const PROTOCOL_VERSION = 1;
/** Payload length, type, version: bytes. */
export const FRAME_HEADER_BYTES = 8;

/** Codes are on the wire: never renumber. */
export const FRAME_TYPES = {
  hello: 1,
  start: 2,
  started: 3,
  stop: 4,
  data: 5,
  facts: 6,
  stats: 7,
  kallsyms: 8,
  error: 9,
  bye: 10,
  histogram: 11,
} as const;
/** What a frame is. */
export type FrameType = keyof typeof FRAME_TYPES;

/** Largest payload per frame type, bytes. The receiver drops the connection above it. */
export const FRAME_LIMITS: Record<FrameType, number> = {
  hello: 4096,
  start: 262_144,
  started: 65_536,
  stop: 16,
  data: 4 << 20,
  facts: 4 << 20,
  stats: 65_536,
  kallsyms: 4 << 20,
  error: 4 << 20,
  bye: 65_536,
  histogram: 4 << 20,
};

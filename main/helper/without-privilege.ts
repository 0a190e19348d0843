import * as capabilities from '../bpf/capabilities.ts';

/** Does something with no effective capability: by the rights of the user this process runs as. */
export function withoutPrivilege<T>(action: () => T): T {
  const before = capabilities.readCapabilities();
  capabilities.writeCapabilities({ ...before, effective: 0n });
  try {
    return action();
  } finally {
    capabilities.writeCapabilities(before);
  }
}

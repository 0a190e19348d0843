import type { HelperScope } from '#shared/model/helper-scope.ts';

/**
 * Where the parts of an elevated helper are installed, by packages and by `emberscope install-helper`
 * alike. Fixed: the policy names the launchers by these paths.
 */

/** Starts the program of an action as root, after asking: pkexec(1). */
export const PKEXEC = '/usr/bin/pkexec';
/** The two actions: assets/polkit/org.emberscope.policy. */
export const POLICY = '/usr/share/polkit-1/actions/org.emberscope.policy';
export const LAUNCHER_FOLDER = '/usr/libexec/emberscope';

/** The launcher of each action; main/helper/launcher. */
export const LAUNCHERS: Readonly<Record<HelperScope, string>> = {
  own: `${LAUNCHER_FOLDER}/emberscope-helper-own`,
  system: `${LAUNCHER_FOLDER}/emberscope-helper-system`,
};
/** The one with file capabilities, for the members of a group. */
export const CAPABLE_LAUNCHER = `${LAUNCHER_FOLDER}/emberscope-helper-caps`;

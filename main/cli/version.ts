/** Put in by the build from package.json. */
declare const EMBERSCOPE_VERSION: string;

/** Product version, e.g. "0.1.0"; "development" when run without the build. */
export const VERSION = typeof EMBERSCOPE_VERSION === 'string' ? EMBERSCOPE_VERSION : 'development';

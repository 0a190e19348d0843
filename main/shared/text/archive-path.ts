/**
 * The same file outside the installed app's archive. Electron shows the files of app.asar, and those unpacked
 * beside it, under one path; C code and other programs see only the latter, below app.asar.unpacked.
 * Without effect on a path that leads through no archive.
 */
export const outsideArchive = (path: string): string =>
  path.replace('/app.asar/', '/app.asar.unpacked/');

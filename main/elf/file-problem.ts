export type { FileProblem } from '#shared/model/image-problem.ts';

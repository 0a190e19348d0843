export type { ImageProblem } from '#shared/model/image-problem.ts';

#!/usr/bin/env node

// Renders the icons: assets/icons/svg → assets/icons/{app,session}/NxN.png and assets/icon.png. Needed after
// a drawing changed; the pictures are kept with the sources, so that packaging needs no renderer.
//
//   node scripts/package-icons.mjs

import { copyFileSync, mkdirSync } from 'node:fs';
import { inRoot } from './lib/paths.mjs';
import { capture, which } from './lib/run.mjs';
import { runMain, SetupError, say } from './lib/say.mjs';

/**
 * Size in pixels → the drawing it is made from. Each drawing lies on its own pixel grid and is only ever
 * enlarged by whole numbers, so that no edge falls between pixels. (512 lies on a grid of 4.)
 * @type {Record<'app' | 'session', Record<number, number>>}
 */
const SIZES = {
  app: { 16: 16, 22: 22, 24: 24, 32: 32, 48: 48, 64: 32, 96: 48, 128: 512, 256: 512, 512: 512 },
  session: { 16: 16, 32: 32, 48: 48, 64: 32, 128: 512, 256: 512 },
};

await runMain(async () => {
  const renderer = which('rsvg-convert');
  if (renderer === null) {
    throw new SetupError('rsvg-convert is not installed.', 'apt-get install librsvg2-bin');
  }
  for (const [name, sizes] of Object.entries(SIZES)) {
    mkdirSync(inRoot('assets/icons', name), { recursive: true });
    for (const [size, drawing] of Object.entries(sizes)) {
      const from = inRoot('assets/icons/svg', `${name}-${drawing}.svg`);
      const to = inRoot('assets/icons', name, `${size}x${size}.png`);
      const done = capture(renderer, ['-w', size, '-h', size, '-o', to, from]);
      if (done.status !== 0) throw new Error(`${from}: ${done.stderr}`);
    }
    say(`✓ ${name}: ${Object.keys(sizes).join(', ')} pixels`);
  }
  copyFileSync(inRoot('assets/icons/app/512x512.png'), inRoot('assets/icon.png'));
  return 0;
});

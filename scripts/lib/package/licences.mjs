import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../paths.mjs';
import { INSTALLED, PLAIN, PRODUCT } from './layout.mjs';
import { debianReference } from './licence-texts.mjs';
import { homepage, SHIPPED_MODULES } from './stage.mjs';

/** An npm package inside ours. @typedef {{ name: string, version: string, licence: string, text: string }} Shipped */

const OWNER = '2026 The Emberscope developers';
const APP = INSTALLED.slice(1);

/** The binaries of a package come as packages of their own, without its licence text. */
const PART_OF = { [`@koromix/koffi-linux-${process.arch}`]: 'koffi' };

/** Every npm package that is bundled or shipped as files, by the build's own records. @returns {Shipped[]} */
export function shippedPackages() {
  const records = readdirSync(inRoot('dist/.build')).filter((name) => name.endsWith('.json'));
  const inputs = records.flatMap((name) =>
    Object.keys(JSON.parse(readFileSync(inRoot('dist/.build', name), 'utf8')).inputs),
  );
  const names = new Set(SHIPPED_MODULES);
  for (const input of inputs) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (name !== undefined) names.add(name);
  }
  return [...names].sort().map((name) => {
    const { version, license } = JSON.parse(
      readFileSync(inRoot('node_modules', name, 'package.json'), 'utf8'),
    );
    return { name, version, licence: String(license), text: licenceText(name) };
  });
}

/** @param {string} name */
function licenceText(name) {
  const folder = inRoot(
    'node_modules',
    /** @type {Record<string, string>} */ (PART_OF)[name] ?? name,
  );
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying|ofl)/i.test(entry));
  if (file === undefined) throw new Error(`node_modules/${name} has no licence text to pass on`);
  return readFileSync(join(folder, file), 'utf8').trim();
}

/** debian/copyright in its machine-readable form (DEP 5), with every text that must be passed on. */
export function copyrightFile() {
  const electron = ['emberscope', 'chrome*', '*.pak', '*.so*', '*.bin', 'icudtl.dat', '*.json'];
  return [
    {
      Format: 'https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
      'Upstream-Name': PRODUCT.productName,
      'Upstream-Contact': PRODUCT.author,
      Source: homepage(),
    },
    { Files: '*', Copyright: OWNER, License: 'Apache-2.0' },
    { Files: `${APP}/${PLAIN}/dist/bpf/*`, Copyright: OWNER, License: 'GPL-2 or BSD-2-Clause' },
    {
      Files: [...electron, 'locales/*'].map((name) => `${APP}/${name}`).join('\n'),
      Copyright: 'Electron contributors\n2013-2020 GitHub Inc.\nThe Chromium Authors and others',
      License: `Expat-Electron\n${readFileSync(inRoot('node_modules/electron/LICENSE'), 'utf8').trim()}`,
      Comment: `Electron. The licences of Chromium and of all that is in it are in\n${INSTALLED}/LICENSES.chromium.html`,
    },
    ...sameText(shippedPackages()).map(({ packages, licence, text }, index) => ({
      Files: `${APP}/resources/app.asar*`,
      Copyright: copyrightLines(text),
      License: `${licence.replaceAll(/[^A-Za-z0-9.+-]+/g, '-')}-${index + 1}\n${text}`,
      Comment: `Within these files: ${packages.join(', ')}`,
    })),
    { License: `Apache-2.0\n${APACHE}` },
    { License: `GPL-2\n${GPL}` },
    { License: `BSD-2-Clause\n${BSD}` },
  ]
    .map(paragraph)
    .join('\n');
}

/** Packages by the same people have the same text. @param {readonly Shipped[]} shipped */
function sameText(shipped) {
  /** @type {Map<string, { packages: string[], licence: string, text: string }>} */
  const groups = new Map();
  for (const { name, version, licence, text } of shipped) {
    const group = groups.get(text) ?? { packages: [], licence, text };
    group.packages.push(`${name} ${version}`);
    groups.set(text, group);
  }
  return [...groups.values()];
}

/** Who holds the rights, as the text itself says. @param {string} text */
const copyrightLines = (text) =>
  text
    .split('\n')
    .filter((line) => /^\W*copyright\b.*\d{4}|^\W*copyright\s*\(c\)/i.test(line))
    .map((line) => line.replace(/^\W*copyright\s*(\(c\)|©)?\s*/i, '').trim())
    .join('\n') || 'See the text.';

/** A paragraph of Debian's control format: a value's further lines are indented, empty ones are a dot. */
const paragraph = (/** @type {Record<string, string>} */ fields) =>
  Object.entries(fields)
    .map(([name, value]) => {
      const [first = '', ...rest] = value.split('\n');
      return [
        `${name}: ${first}`,
        ...rest.map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`)),
      ];
    })
    .flat()
    .join('\n')
    .concat('\n');

const APACHE = `Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in
compliance with the License. You may obtain a copy of the License at
https://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software distributed under the License is
distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and limitations under the License.

${debianReference('Apache-2.0')}`;

const GPL = `This program is free software; you can redistribute it and/or modify it under the terms of version 2
of the GNU General Public License as published by the Free Software Foundation.

${debianReference('GPL-2')}`;

const BSD = `Redistribution and use in source and binary forms, with or without modification, are permitted provided
that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions and the
   following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and
   the following disclaimer in the documentation and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED
WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A
PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY
DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO,
PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION)
HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING
NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE
POSSIBILITY OF SUCH DAMAGE.`;

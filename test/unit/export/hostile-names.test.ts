import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HTML } from '../../../main/export/html.ts';
import { SVG } from '../../../main/export/svg.ts';
import { sessionOf } from '../../support/session-of.ts';
import { tablesOf } from '../../support/tables-of.ts';

const EVIL = `</script></title><script>alert("1")</script><img src=x onerror='alert(2)'>]]>-->&amp;\u2028\x1b[2J\u202e`;

const session = sessionOf(
  tablesOf('main;E;read@EVILIMAGE 5\nmain;read@EVILIMAGE 2', {
    E: EVIL,
    app: EVIL,
    EVILIMAGE: EVIL,
  }),
);
const withTarget = {
  ...session,
  info: {
    ...session.info,
    ...{ startedAt: `2026\x9b2J\u202e-01-01T00:00:00Z`, recordedBy: EVIL },
    host: { ...session.info.host, hostname: EVIL, os: EVIL, cpuModel: EVIL, kernel: EVIL },
    spec: {
      ...session.info.spec,
      target: { kind: 'command' as const, argv: [EVIL], cwd: '/' },
    },
  },
};

/** Element names in the order they are opened, scripts and styles as what they are. */
const openedElements = (markup: string): string[] =>
  [...markup.matchAll(/<([a-z][\w-]*)/gi)].map(([, name = '']) => name.toLowerCase());

describe('SVG', () => {
  const text = [...SVG.render(withTarget)].join('');

  it('opens only its own elements whatever names say', () => {
    expect(new Set(openedElements(text))).toEqual(
      new Set(['svg', 'style', 'defs', 'pattern', 'text', 'g', 'title', 'rect']),
    );
  });

  it('is well-formed: every element is closed where it should be', () => {
    const open: string[] = [];
    for (const [, slash, name = '', selfClosing] of text.matchAll(
      /<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g,
    )) {
      if (slash === '/') expect(open.pop()).toBe(name);
      else if (selfClosing !== '/') open.push(name);
    }
    expect(open).toEqual([]);
    expect(text).not.toMatch(/&(?!(?:amp|lt|gt|quot|#39);)/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});

describe('HTML', () => {
  const text = [...HTML.render(withTarget)].join('');
  const scripts = [...text.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)];

  it('holds the data and its own script, nothing else that runs', () => {
    expect(scripts.map(([, attributes]) => attributes)).toEqual([
      ' type="application/json" id="data"',
      '',
    ]);
    expect(openedElements(text.replace(/<script[\s\S]*?<\/script>/g, ''))).not.toContain('img');
    expect(text).not.toMatch(/<[^>]*\son\w+=/i);
  });

  it('allows exactly its own script and style by hash and no network', () => {
    const csp = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(text)?.[1] ?? '';
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? '';
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain(`script-src '${hashOf(scripts[1]?.[2] ?? '')}'`);
    expect(csp).toContain(`style-src '${hashOf(style)}'`);
    expect(csp).not.toMatch(/unsafe|http/);
  });

  it('loads nothing from anywhere', () => {
    expect(text).not.toMatch(/<(?:link|iframe|object|embed|base)\b|\ssrc=["']|url\(|import\s*\(/i);
  });

  it('writes out what a page would act on', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  it('carries names as data', () => {
    const data = JSON.parse(scripts[0]?.[2] ?? '') as { labels: string[][] };
    const names = data.labels.map(([name = '']) => name);
    expect(names.some((name) => name.startsWith('</script></title><script>alert("1")'))).toBe(true);
    expect(names.join('')).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

const hashOf = (text: string): string =>
  `sha256-${createHash('sha256').update(text).digest('base64')}`;

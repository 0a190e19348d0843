import { execFileSync } from 'node:child_process';
import { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../../main/cli/completions.ts';
import { programOf } from '../../../main/cli/program.ts';

const real = programOf(() => undefined);
const realNames = real.commands.map((command) => command.name());

function small(): Command {
  const program = new Command('tool');
  program
    .command('paint')
    .description("Paint what is [inside]: it's quick. Then dry.")
    .argument('<FILE>', 'session file')
    .option('-c, --colour <NAME>', 'one: of them')
    .addOption(new Option('--mode <how>', 'how').choices(['wet', 'dry']))
    .option('-q, --quiet', 'say nothing');
  return program;
}

/** What bash offers for the last word. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `${completionScript(small(), 'bash')}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tool; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', script, 'bash', ...words];
  return execFileSync('bash', args, { encoding: 'utf8', cwd: '/' }).split('\n').filter(Boolean);
}

describe('completionScript', () => {
  it.each(['bash', 'zsh', 'fish'] as const)('knows every command and option in %s', (shell) => {
    const script = completionScript(real, shell);
    expect(realNames.filter((name) => !script.includes(name))).toEqual([]);
    const longs = real.commands.flatMap(({ options }) =>
      options.map(({ long }) => long?.slice(2) ?? ''),
    );
    expect(longs.filter((name) => !script.includes(name))).toEqual([]);
  });

  it('offers commands first, then options, then the choices of an option', () => {
    expect(offered('tool', 'pa')).toEqual(['paint']);
    expect(offered('tool', 'paint', '--')).toEqual(['--colour', '--mode', '--quiet', '--help']);
    expect(offered('tool', 'paint', '--mode', '')).toEqual(['wet', 'dry']);
    expect(offered('tool', 'paint', '--colour', '')).toEqual([]);
    expect(offered('tool', 'paint', '/us')).toEqual(['/usr']);
  });

  it('escapes what a shell would take for its own', () => {
    expect(completionScript(small(), 'zsh')).toContain(
      `'paint:Paint what is \\[inside\\]\\: it'\\''s quick'`,
    );
    expect(completionScript(small(), 'zsh')).toContain('--colour=[one\\: of them]');
    expect(completionScript(small(), 'fish')).toContain(
      `-d 'Paint what is [inside]: it\\'s quick'`,
    );
  });
});

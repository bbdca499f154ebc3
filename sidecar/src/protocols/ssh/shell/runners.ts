import type { ShellWord } from './syntax.ts';

/** Programs that run commands which stand in their words or input in forms of their own, or that people type into them. */
const ALWAYS = new Set(
  `ssh slogin rsh mosh parallel strace ltrace gdb expect at batch nsenter unshare systemd-run machinectl ed ex vi vim nvim view rvim emacs dc script
  runuser pkexec su start-stop-daemon tmux screen socat nc ncat netcat entr valgrind perf setarch setpriv capsh unbuffer rlwrap cpulimit prlimit numactl
  chrt fakeroot proot firejail bwrap ansible pdsh run-parts ld.so`.split(/\s+/),
);

/** Words with which a program runs another. A list, not all that there are. */
const WITH: ReadonlyMap<string, RegExp> = new Map([
  ['docker', /^(?:run|exec|compose)$/],
  ['podman', /^(?:run|exec|unshare)$/],
  ['kubectl', /^(?:run|exec|debug)$/],
  ['lxc', /^exec$/],
  ['git', /^(?:--upload-pack|--receive-pack|--exec|--extcmd|bisect$|submodule$|filter-branch$)/],
  ['tar', /^(?:--to-c|--checkpoint-a|--use-c|--info-s|--new-v|--rsh-c|--rmt-c|-\w*[IF])/],
  ['rsync', /^(?:--rsh|--rsync-path|-(?!-)\w*e)/],
  ['scp', /^-[So]/],
  ['sftp', /^-[SoDb]/],
  ['sort', /^--comp/],
  ['split', /^--fi/],
  ['zip', /^(?:-\w*TT|--unz)/],
  ['man', /^(?:-P|--pager|-H|--html)/],
  ['make', /^(?:--eval|-E|\w+[:?+]?=|-$|-f-$|--(?:make)?file=-$)/],
  ['crontab', /^(?:-|-e|[^-].*)$/],
  ['wget', /^(?:--use-askpass|-e|--execute)/],
  ['tcpdump', /^(?:-z|--postrotate)/],
  ['psql', /\\[!ogw]|\\copy/],
  ['mysql', /\\!|system/],
  ['sqlite3', /\.(?:shell|system|load|once|output)/],
]);

/** Options of git before its own command. */
const GIT_RUNS = /^(?:-c|--config-env|--exec-path=)/;
const MESSAGE = /^(?:-[a-z]*m|--message)$/;
const GIT_VALUED = /^(?:-C|--git-dir|--work-tree|--namespace)$/;

/** True for a program that is known to run another command which is not read. False says nothing. */
export function runsAnother(name: string, words: readonly ShellWord[]): boolean {
  if (ALWAYS.has(name) || /^ld-(?:linux|musl)/.test(name)) return true;
  const pattern = WITH.get(name);
  if (pattern === undefined) return false;
  const rest = words.slice(1);
  // What the other side of a transfer is started with is no option to run anything.
  if (name === 'rsync' && rest[0]?.text === '--server') return false;
  if (name === 'crontab' && rest.length === 0) return true;
  if (name === 'git' && hasGitSetting(rest)) return true;
  const message = name === 'git' ? MESSAGE : undefined;
  return rest.some(({ text, isOperand, isOne }, index) => {
    if (text !== undefined) return pattern.test(text);
    // The one word behind -m is no option, whatever it holds.
    return !isOperand && !(isOne && message?.test(rest[index - 1]?.text ?? '') === true);
  });
}

function hasGitSetting(words: readonly ShellWord[]): boolean {
  for (let at = 0; at < words.length; at += 1) {
    const text = words[at]?.text;
    if (text === undefined || !text.startsWith('-')) return false;
    if (GIT_RUNS.test(text)) return true;
    if (GIT_VALUED.test(text)) at += 1;
  }
  return false;
}

import { gitRuns } from './git-command.ts';
import type { ShellWord } from './syntax.ts';

/** Programs that run commands which stand in their words or input in forms of their own, or that people type into them. */
const ALWAYS = new Set(
  `ssh slogin rsh mosh sftp sftp-server internal-sftp parallel strace ltrace gdb expect at batch nsenter unshare systemd-run systemd-nspawn
  systemd-inhibit systemd-cat machinectl ed ex vi vim vim.tiny vim.basic vimdiff nvim view rview rvim emacs dc script runuser pkexec su sg newgrp
  start-stop-daemon tmux screen socat nc ncat netcat entr valgrind perf setarch linux32 linux64 i386 x86_64 uname26 setpriv capsh runcon unbuffer
  rlwrap cpulimit prlimit numactl chrt choom fakeroot proot firejail bwrap ansible pdsh run-parts logsave catchsegv dbus-run-session dbus-launch
  gpg-agent xvfb-run gosu su-exec setuidgid chpst tini dumb-init faketime eatmydata torsocks proxychains proxychains4 msgexec msgfilter`.split(
    /\s+/,
  ),
);

/** The first letters by which a long option is known are enough to GNU's programs. */
const DIFF = /^--di/;
const APT =
  /^(?:-\w*c|--conf.*)$|invoke|install-pkgs|dir::|::(?:dpkg|gpg|pager|editor|path|methods?|solvers?|planners?|proxy-?auto)|--(?:pre|post|status)-/i;
/** Words with which a program runs another. A list, not all that there are. */
const WITH: ReadonlyMap<string, RegExp> = new Map([
  ['docker', /^(?:run|exec|compose)$/],
  ['podman', /^(?:run|exec|unshare)$/],
  ['kubectl', /^(?:run|exec|debug)$/],
  ['lxc', /^exec$/],
  ['tar', /^(?:--to-c|--checkpoint-|--us|--inf|--new-|--rs|--rm|-\w*[IF])/],
  ['cpio', /^--rs/],
  ['rsync', /^(?:--rsh|--rsync-path|--daemon|--config|-(?!-)\w*e)/],
  ['scp', /^-\w*[SoDF]/],
  ['sort', /^--co/],
  ['split', /^--f/],
  ['install', /^--strip-/],
  ['diff3', DIFF],
  ['sdiff', DIFF],
  ['zip', /^(?:-\w*TT|--u)/],
  ['man', /^(?:-\w*[PH]|--pag|--html)/],
  ['make', /^(?:--ev|-E|\w+[:+?]?=|-f?-$|--(?:make)?file=-$|.*\/dev\/|.*\/proc\/)/],
  ['crontab', /^(?:-|-e|[^-].*)$/],
  ['wget', /^(?:--use-a|-\w*e|--ex|--config)/],
  ['tcpdump', /^(?:-\w*z|--postrotate)/],
  ['psql', /\\(?:[!gowsei]|copy)|`/],
  ['mysql', /\\!|system/],
  [
    'sqlite3',
    /^-+init$|^\.(?!(?:tables|schema|databases|dump|headers?|mode|indexes|width|help)\b)|\b(?:edit|load_extension|writefile)\s*\(/i,
  ],
  ['dpkg', /^--(?:pre|post|status)-/],
  ['apt', APT],
  ['apt-get', APT],
  ['ssh-agent', /^[^-]/],
  ['npm', /^(?:--script-sh|--node-o|--sh|--ed|--git=|--call|-c$)/],
]);
/** Programs whose words are commands of their own, so that part of one may be enough. */
const IN_PARTS = new Set(['docker', 'podman', 'kubectl', 'lxc', 'make', 'sqlite3']);
const COMPILER = /^(?:[\w.-]*-)?(?:g?cc|g\+\+|c\+\+|clang(?:\+\+)?)(?:-[0-9.]+)?$/;
const COMPILER_RUNS = /^(?:-wrapper|-B|-specs|--specs|-fplugin|@)/;

/** True for a program that is known to run another command which is not read. False says nothing. */
export function runsAnother(name: string, words: readonly ShellWord[]): boolean {
  if (ALWAYS.has(name) || /^ld[-.\w]*\.so/.test(name)) return true;
  const [first, ...rest] = words;
  if (name === 'git') return gitRuns(rest);
  // In a folder of git's own each of its commands is a program.
  if (first !== undefined && name.startsWith('git-')) return gitRuns([{ ...first, text: name.slice(4) }, ...rest]);
  const pattern = COMPILER.test(name) ? COMPILER_RUNS : WITH.get(name);
  if (pattern === undefined) return false;
  // What the other side of a transfer is started with is no option to run anything, but its own server reads a file of settings.
  if (name === 'rsync' && rest[0]?.text === '--server')
    return rest.some(({ text, isOperand }) => (text === undefined ? !isOperand : /^--(?:daemon|config)/.test(text)));
  if (name === 'crontab' && rest.length === 0) return true;
  // Its options may stand in front, all in one word and without a hyphen.
  if (name === 'tar' && (rest[0]?.text === undefined ? rest.length > 0 : /^\w*[IF]/.test(rest[0].text))) return true;
  if (name === 'sqlite3' && readsCommands(rest)) return true;
  return rest.some(({ text, isOperand }) =>
    text === undefined ? !isOperand || IN_PARTS.has(name) : pattern.test(text),
  );
}

const SQLITE_VALUED = /^--?(?:separator|newline|nullvalue|cmd|init|mmap|maxsize|vfs|heap|lookaside|pagecache)$/;

/** It is given no statement behind the name of a file. */
function readsCommands(words: readonly ShellWord[]): boolean {
  if (words.some(({ text }) => /^--?(?:version|help)$/.test(text ?? ''))) return false;
  const operands = words.filter(
    ({ text }, at) => text?.startsWith('-') !== true && !SQLITE_VALUED.test(words[at - 1]?.text ?? ''),
  );
  return operands.length < 2;
}

/** Names that a shell or a loader reads, in upper case or beginning so. */
const STEERING =
  /PATH|^LD_|^DYLD_|^BASH|^ENV$|^SHELL|^IFS$|^PS[0-9]$|PROMPT|EDITOR|PAGER|VISUAL|BROWSER|OPTS?$|OPTIONS|^GIT_|^SSH|PRELOAD|LIB|^HOME$|^USER|^LOGNAME|^PYTHON|^PERL|^RUBY|^NODE|^JAVA|^GCONV|^LOCPATH|^TMPDIR|^ZDOTDIR|^FPATH|^CDPATH|^MAIL|^FUNCNEST|^HIST|^INPUTRC|^LESS|^MAN|^TERMINFO|^TERMCAP|^RANDOM|^OPT|^REPLY|^FIGNORE|^GLOB|^EXECIGNORE|^NULLCMD|^READNULLCMD|^CC$|^CXX$|^MAKE|^PROXY|^HTTPS?_|^ALL_PROXY|^NO_PROXY|^FTP_|^CURL|^WGET|^KUBE|^DOCKER|^AWS_|^RSYNC|^SUDO|RSH$|^SVN_SSH$|^LUA_|^PHP|^ERL|^PSQL|^NPM_|^RUSTC|^GOFLAGS$|^OPENSSL_|^DBUS_|^GCC_|^(?:AR|AS|LD|CPP|RM|YACC|LEX)$/;
/** Lower-case names that a shell or programs read. */
const STEERING_LOWER =
  /^(?:path|cdpath|fpath|mailpath|manpath|module_path|psvar|argv|status|pipestatus|prompt|histchars|watch|options|functions|aliases|commands|zsh_eval_context|(?:https?|ftp|all|no|rsync)_proxy|npm_\w+)$/;
const HARMLESS = /^(?:LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|CLICOLOR|CI|DEBIAN_FRONTEND)$/;

/** Numbers to some shell, which reckons with what they are set to. */
const INTEGER =
  /^(?:COLUMNS|LINES|HISTSIZE|HISTCMD|SAVEHIST|SHLVL|SECONDS|S?RANDOM|LINENO|OPTIND|OPTERR|TMOUT|[EP]?[UGP]ID|BASHPID|PGRP|USER_ID|KSHE?[UG]ID|LISTMAX|KEYTIMEOUT|FUNCNEST|MAILCHECK|LOGCHECK|BAUD|ERRNO|PERIOD|REPORT(?:TIME|MEMORY)|DIRSTACKSIZE|TTYIDLE|TRY_BLOCK_(?:ERROR|INTERRUPT)|EPOCHSECONDS|status)$/;

/** True where setting it to anything but a number may run something. */
export function isInteger(name: string): boolean {
  return INTEGER.test(name);
}

/**
 * What setting a variable may change: nothing but itself (`Own`), what any program that reads it does (`ShellVariable`), or which
 * program and library runs at all (`LoaderVariable`).
 */
export function variableKind(name: string): 'Own' | 'ShellVariable' | 'LoaderVariable' {
  if (HARMLESS.test(name)) return 'Own';
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || STEERING.test(name) || STEERING_LOWER.test(name))
    return 'LoaderVariable';
  return /[A-Z]/.test(name) ? 'ShellVariable' : 'Own';
}

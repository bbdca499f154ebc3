import type { OptionTable } from './options.ts';

/** A program whose words are another command. */
export interface Wrapper {
  readonly options: OptionTable;
  /** Words between the options and the command. */
  readonly operands?: number;
  /** NAME=VALUE may stand before the command. */
  readonly takesVariables?: true;
  /** To shells it is a word of their own, behind which ! and others of theirs may stand. */
  readonly isReserved?: true;
  /** Without a command it runs a shell that reads its input. */
  readonly isShell?: true;
  /** Options with which it runs nothing. */
  readonly asks?: string;
  /** Options with which it runs no shell either. */
  readonly ends?: string;
  /** Options with which the command starts in another directory; `*`: it always does. */
  readonly moves?: string;
}

/** Programs that run the command in their words, by name: a list, not all that there are. */
export const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  [
    'sudo',
    {
      options: {
        flags: 'nEHSkKbAPislvV',
        valued: 'ugphCrtTUDR',
        long: 'non-interactive preserve-env set-home login shell reset-timestamp remove-timestamp stdin background list validate',
        longValued: 'user group prompt chdir chroot host',
      },
      takesVariables: true,
      isShell: true,
      asks: 'l list',
      ends: 'v V k K validate reset-timestamp remove-timestamp',
      moves: 'i D R login chdir chroot',
    },
  ],
  ['doas', { options: { flags: 'nLs', valued: 'uC' }, isShell: true, asks: 'L C' }],
  [
    'env',
    {
      options: {
        flags: 'i0v',
        valued: 'uC',
        long: 'ignore-environment null debug help version',
        longValued: 'unset chdir',
      },
      takesVariables: true,
      moves: 'C chdir',
    },
  ],
  ['nohup', { options: {} }],
  ['setsid', { options: { flags: 'cfw', long: 'ctty fork wait' } }],
  ['nice', { options: { flags: '0123456789', valued: 'n', longValued: 'adjustment' } }],
  ['ionice', { options: { flags: 't', valued: 'cn', long: 'ignore', longValued: 'class classdata' } }],
  ['taskset', { options: { flags: 'ac', long: 'all-tasks cpu-list' }, operands: 1 }],
  [
    'time',
    {
      options: { flags: 'pvqal', valued: 'fo', long: 'portability verbose append', longValued: 'format output' },
      takesVariables: true,
      isReserved: true,
    },
  ],
  ['stdbuf', { options: { valued: 'ioe', longValued: 'input output error' } }],
  [
    'timeout',
    {
      options: {
        flags: 'vp',
        valued: 'ks',
        long: 'preserve-status foreground verbose',
        longValued: 'kill-after signal',
      },
      operands: 1,
    },
  ],
  [
    'chroot',
    {
      options: { long: 'skip-chdir', longValued: 'userspec groups' },
      operands: 1,
      isShell: true,
      moves: '*',
    },
  ],
  ['command', { options: { flags: 'pvV' }, asks: 'v V' }],
  ['builtin', { options: {} }],
  ['exec', { options: { flags: 'cl', valued: 'a' } }],
  ['-', { options: {} }],
  ['busybox', { options: { long: 'list list-full help' }, asks: 'list list-full help' }],
  ['toybox', { options: {} }],
]);

/** xargs adds words of its input to the command. */
export const XARGS_OPTIONS: OptionTable = {
  flags: '0rtpxo',
  valued: 'IJRdEnPsLa',
  long: 'null no-run-if-empty verbose interactive exit open-tty replace max-lines',
  longValued: 'max-args max-procs delimiter arg-file max-chars',
};

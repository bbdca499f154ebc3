import { DETECTOR_FUZZERS } from './detectors.ts';
import { FRAME_FUZZERS } from './frames.ts';
import type { Fuzzer } from './fuzzer.ts';
import { JSON_MASK_FUZZERS } from './json-mask.ts';
import { REDIS_FUZZERS } from './redis.ts';
import { SFTP_FUZZERS } from './sftp.ts';
import { SFTP_MASKED_FUZZERS } from './sftp-masked.ts';
import { SHELL_FUZZERS } from './shell.ts';
import { SQL_FUZZERS } from './sql.ts';
import { SSH_FUZZERS } from './ssh.ts';

/** All fuzzers. Their names are unique and stand in seeds.json. */
export const FUZZERS: readonly Fuzzer[] = [
  ...DETECTOR_FUZZERS,
  ...JSON_MASK_FUZZERS,
  ...FRAME_FUZZERS,
  ...REDIS_FUZZERS,
  ...SSH_FUZZERS,
  ...SFTP_FUZZERS,
  ...SFTP_MASKED_FUZZERS,
  ...SQL_FUZZERS,
  ...SHELL_FUZZERS,
];

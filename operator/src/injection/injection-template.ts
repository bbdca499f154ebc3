import { fail, ok, type Result } from '@sidegate/crds';
import type { ConfigMap } from '../kinds.ts';
import { type GateTemplate, gateTemplate } from './gate-template.ts';
import { INJECTION_CONFIG_MAP, readInjectionSettings, type SettingsFault } from './injection-settings.ts';

/** What the ConfigMap says to inject. Undefined for one that is not there. */
export function readTemplate(configMap: ConfigMap | undefined): Result<GateTemplate, SettingsFault> {
  if (configMap === undefined) {
    const where = `ConfigMap ${INJECTION_CONFIG_MAP}`;
    return fail({ code: 'NoSettings', message: 'It is not in the operator’s namespace.', where });
  }
  const read = readInjectionSettings(configMap.data ?? {});
  if (!read.ok) return read;
  const { current, former, allowsTokens, hostPaths } = read.value;
  return ok(gateTemplate(current, former, allowsTokens, hostPaths));
}

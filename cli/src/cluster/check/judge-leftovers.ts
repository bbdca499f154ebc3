import type { Named, WebhookConfiguration } from './cluster-objects.ts';
import { type Finding, failed, fine } from './finding.ts';
import { listed } from './judge-server.ts';

/** What stays on purpose when the chart goes: it matches nothing (templates/parameters.yaml). */
const KEPT = 'sidegate-parameters';

/** Cluster-wide objects by plural, whoever made them, and where an operator runs. */
export interface Remains {
  readonly namespace: string;
  readonly operators: readonly Named[];
  readonly objects: Readonly<Record<string, readonly (Named | WebhookConfiguration)[]>>;
  readonly definitions: readonly Named[];
}

/** Whether something of another or an earlier installation would get in the way. */
export function judgeLeftovers({ namespace, operators, objects, definitions }: Remains): readonly Finding[] {
  const elsewhere = operators.filter(({ metadata }) => metadata.namespace !== namespace);
  if (elsewhere.length > 0) {
    const places = listed(elsewhere.map(({ metadata }) => metadata.namespace ?? ''));
    const why = `another installation is in ${places}, and a cluster takes one`;
    return [failed('no other installation', why, `uninstall it, or upgrade it with -n ${places}`)];
  }
  const ours = Object.entries(objects).flatMap(([plural, all]) =>
    all
      .filter(({ metadata }) => metadata.name.startsWith('sidegate-'))
      .map(({ metadata }) => ({ name: `${plural}/${metadata.name}`, kept: metadata.name === KEPT, metadata })),
  );
  const kept = [
    ...ours.filter((one) => one.kept),
    ...definitions.map(({ metadata }) => ({ name: metadata.name, metadata })),
  ];
  const foreign = kept.filter(({ metadata }) => {
    const from = metadata.annotations?.['meta.helm.sh/release-namespace'];
    return from !== undefined && from !== namespace;
  });
  const ownership =
    foreign.length === 0
      ? fine(kept.length === 0 ? 'nothing stayed of an earlier installation' : 'what stayed can be taken over')
      : failed(
          'what stayed can be taken over',
          `Helm refuses ${listed(foreign.map(({ name }) => name))}: a release of another namespace made it`,
          'install into that namespace again, or change its annotations meta.helm.sh/release-name and release-namespace',
        );
  if (operators.length > 0) return [fine(`installed in ${namespace} already: this will be an upgrade`), ownership];
  const left = ours.filter((one) => !one.kept).map(({ name }) => name);
  if (left.length === 0) return [fine('no leftovers'), ownership];
  const why = `${listed(left)} stayed without an operator, and may refuse pods`;
  return [failed('no leftovers', why, `kubectl delete ${left.join(' ')}`), ownership];
}

/** What of the machine and its environment decides which cluster is used. */
export interface Surroundings {
  /** `KUBECONFIG`; empty: none. */
  readonly kubeconfig: string;
  /** `--reuse`, and the processes of a cluster are up. */
  readonly processesAreReused: boolean;
  readonly hasKind: boolean;
  readonly dockerAnswers: boolean;
}

/** `Given`: the one that KUBECONFIG names. `Kind`: a new one of kind. `Processes`: one of processes of this machine. */
export type EnvironmentChoice = 'Given' | 'Kind' | 'Processes';

/** The clusters to try, in order: only kind may turn out to be impossible, where Docker cannot pull the image of its node. */
export function environmentChoices({
  kubeconfig,
  processesAreReused,
  hasKind,
  dockerAnswers,
}: Surroundings): readonly EnvironmentChoice[] {
  if (kubeconfig !== '') return ['Given'];
  return !processesAreReused && hasKind && dockerAnswers ? ['Kind', 'Processes'] : ['Processes'];
}

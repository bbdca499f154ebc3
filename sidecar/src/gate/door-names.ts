/** Which Target a door leads to, and whose door it is. */
export interface DoorNames {
  readonly target: { readonly namespace: string; readonly name: string };
  readonly access: { readonly namespace: string; readonly name: string };
}

import type { Fault, ProtocolName, Result, TargetLogin } from '@sidegate/crds';
import type { Claims, Command, Decision, MaskRules } from '@sidegate/policy';
import type { Permit } from '../permit.ts';

/**
 * One protocol, as the registry knows it. Everything behind it is sans-io: bytes in, steps out, no clock, no I/O, no randomness of
 * its own, and it never throws on any input, so that every case can be replayed split at every byte.
 */
export interface Protocol {
  readonly name: ProtocolName;
  openSession(options: SessionOptions): ProtocolSession;
  /** How the gate reads the server's catalog on a connection of its own; absent where the protocol has none. */
  readCatalog?(request: CatalogRequest): CatalogConversation;
  /** What lies between each socket and the session where the protocol encrypts by itself; absent where it leaves that to TLS. */
  openTransport?(side: 'Agent' | 'Target', options: TransportOptions, end: TransportEnd): Transport;
}

export interface TransportOptions {
  /** The public keys of which the target must prove one, as its Target names them. */
  readonly hostKeys: readonly string[];
}

/** What is known of a peer once all that follows is encrypted. */
export interface SecuredChannel {
  /** The software that the peer names. */
  readonly peer: string;
  readonly cipher: string;
  /** What no other connection shares: signatures over it hold for this one alone (RFC 4253, section 7.2). */
  readonly binding: Uint8Array;
}

/** The encryption of one connection. It takes the place that TLS has elsewhere; it makes its own randomness. */
export interface Transport {
  /** Speaks first, towards the socket. */
  start(): void;
  /** Bytes of the socket came. */
  receive(bytes: Uint8Array): void;
  /** Whole frames of the session's for the socket. */
  send(frames: Uint8Array): void;
  /** What it was given to send and keeps until its peer has agreed on new keys, in bytes. */
  readonly waitingBytes: number;
  close(): void;
}

/** Where a transport leads. */
export interface TransportEnd {
  /** For the socket. */
  write(bytes: Uint8Array): void;
  /** For the session; never written to again. */
  receive(frames: Uint8Array): void;
  /** The first key exchange is done. Called once. */
  secured(channel: SecuredChannel): void;
  /** The peer broke the protocol, or did not prove who it is. Nothing passes any longer. */
  failed(reason: string): void;
}

export interface CatalogRequest {
  readonly credential: Credential;
  readonly database: string;
  /** What the target's `tls.mode` demands. */
  readonly tls: boolean;
  readonly random: (bytes: number) => Uint8Array;
  readonly shared: unknown;
}

/** A whole conversation with a target that ends in a catalog. Sans-io, like a session. */
export interface CatalogConversation {
  connected(): readonly CatalogStep[];
  secured(): readonly CatalogStep[];
  receive(bytes: Uint8Array): readonly CatalogStep[];
}

export type CatalogStep =
  | { readonly kind: 'Send'; readonly bytes: Uint8Array }
  | { readonly kind: 'StartTls' }
  | { readonly kind: 'Done'; readonly catalog: Result<unknown, Fault> };

export interface SessionOptions {
  readonly target: {
    readonly host: string;
    readonly port: number;
    /** What the target's `tls.mode` demands on the target's side; a server that offers less is refused, never a downgrade. */
    readonly tls: boolean;
    /** The databases that the target's block of its protocol names; undefined when any may be opened. */
    readonly databases: readonly string[] | undefined;
    /** Where this agent finds the Target of another address (a node of the same cluster); undefined when it has none. */
    readonly redirect?: (host: string, port: number) => { readonly host: string; readonly port: number } | undefined;
  };
  /** True when the gate has a certificate to show to agents that ask for TLS. */
  readonly agentTls: boolean;
  readonly identitySource: 'Token' | 'Workload';
  readonly limits: ProtocolLimits;
  /** Cryptographic randomness, injected. */
  readonly random: (bytes: number) => Uint8Array;
  /** Parsed commands are cached here by policy-independent text; shared by all sessions of a gate. */
  readonly shared: unknown;
}

export interface ProtocolLimits {
  /** The largest single frame that is taken from either side, in bytes. A larger one is refused before it is allocated. */
  readonly frameBytesMax: number;
  /** Commands that may wait for a decision or an answer in one session. */
  readonly pendingCommandsMax: number;
  /** Prepared statements and portals alive in one session. */
  readonly preparedMax: number;
}

/** What the gate holds and the agent never sees. */
export type Credential = TargetLogin;

/** The id of a command in its session, counted from 1. */
export type CommandId = number;

/**
 * What a session asks its surroundings to do, in order. Bytes in steps may be views of the chunk that was received, and a session may
 * keep such views while a command waits: a chunk that was handed to a session is never written to again.
 */
export type Step =
  /** To the agent, carrying nothing of the target's and answering no command (TLS answer, authentication, parameter status). */
  | { readonly kind: 'ToAgent'; readonly bytes: Uint8Array }
  /** To the target before any command may pass: start-up, authentication. */
  | { readonly kind: 'LoginToTarget'; readonly bytes: Uint8Array }
  /** To the target; the permit proves that the command was judged and recorded. */
  | { readonly kind: 'ToTarget'; readonly commandId: CommandId; readonly permit: Permit; readonly bytes: Uint8Array }
  /** More for a running command (rows of a COPY), under the same permit. `recorded` is what the record shows of it, masked: an `InputPart`, written first. */
  | {
      readonly kind: 'Input';
      readonly commandId: CommandId;
      readonly permit: Permit;
      readonly bytes: Uint8Array;
      readonly recorded: Uint8Array;
    }
  /**
   * To the target, carrying no command and nothing to record: a frame that only paces, describes or cleans up what was judged before, and
   * that the session wrote itself or checked whole (PostgreSQL: Sync, Flush, Describe, Close, Terminate). Only after `Ready`.
   */
  | { readonly kind: 'PaceTarget'; readonly bytes: Uint8Array }
  /** A piece of an answer, masked: recorded, then sent to the agent. Command 0: the target spoke unasked. */
  | {
      readonly kind: 'Answer';
      readonly commandId: CommandId;
      readonly bytes: Uint8Array;
      /** What the record shows instead, when masks of policies in Observe mode make it differ. */
      readonly recorded?: Uint8Array;
    }
  | {
      readonly kind: 'Finished';
      readonly commandId: CommandId;
      readonly outcome: 'Done' | 'Failed' | 'Refused' | 'Lost';
      readonly tag: string;
      readonly errorCode: string;
      /** Masked. */
      readonly errorText: string;
      readonly rows: number;
      readonly maskedValues: number;
    }
  /** The agent goes over to TLS now. `received` was read already and belongs to the handshake (direct TLS); otherwise nothing may be buffered. */
  | { readonly kind: 'StartAgentTls'; readonly received: Uint8Array | undefined }
  /** The gate verifies who this is and answers with `identified` or `refused`. */
  | {
      readonly kind: 'Identify';
      readonly token: string | undefined;
      readonly claims: Claims;
      readonly details: Readonly<Record<string, string>>;
    }
  /** The gate dials the target and answers with `targetConnected` or `refused`. */
  | { readonly kind: 'DialTarget' }
  | { readonly kind: 'StartTargetTls' }
  /**
   * The session needs the server's catalog; answered with `catalogReady`. `fresh`: DDL passed, an older copy does not do. `recent`: a name
   * is missing in the copy at hand, one that was read a moment ago does. `changes`: how many changes the session knows of; a copy that was
   * asked for with as many does for all three.
   */
  | {
      readonly kind: 'NeedCatalog';
      readonly database: string;
      readonly fresh: boolean;
      readonly recent?: true;
      readonly changes?: number;
    }
  /** The session is open: the agent may speak. */
  | { readonly kind: 'Ready' }
  /** The gate decides and answers with `settle`. Until then later commands of the session wait in their order. */
  | { readonly kind: 'Judge'; readonly commandId: CommandId; readonly judged: JudgedCommand }
  | { readonly kind: 'Remark'; readonly code: string; readonly text: string }
  /** A cancel request for the session that holds this key: the gate finds it and calls `cancelBytes` there. */
  | { readonly kind: 'Cancel'; readonly key: string }
  /**
   * What runs at the target for this session is to be stopped: the gate sends `cancelBytes` on a connection of its own and calls
   * `cancelDelivered` once the target has taken them, or never will.
   */
  | { readonly kind: 'CancelTarget' }
  /** The session wants to be found by this key for cancels. */
  | { readonly kind: 'CancelKey'; readonly key: string }
  /** After what was sent so far, close the agent's side (and the target's). */
  | { readonly kind: 'Close'; readonly code: CloseCode; readonly reason: string };

export type CloseCode = 'AgentLeft' | 'TargetLeft' | 'Expired' | 'Refused' | 'Killed' | 'GateStopped' | 'Fault';

/** A command as policy reads it and as the record shows it. */
export interface JudgedCommand {
  readonly command: Command;
  /** The whole text, unmasked: for approval hashing and for masking into the record. Never logged. */
  readonly text: string;
  /** The text with masks applied, as the record and an approver may see it. */
  readonly maskedText: () => string;
  /**
   * True when that shows less than all but values, so that nobody who sees it knows what would run. Absent: that is so where anything is masked of
   * a command that is not read whole.
   */
  readonly hidesWords?: () => boolean;
  /** Bind values as text with masks applied; undefined is NULL. */
  readonly maskedBinds: () => readonly (string | undefined)[];
  /**
   * What of the session gives the bytes another meaning than where it began, by name: a database, a role. An approval is bound to it, and whoever approves
   * is told. Absent: nothing does.
   */
  readonly place?: Readonly<Record<string, string>>;
  /** The exact bytes that would be forwarded: their SHA-256 binds an approval. */
  readonly wire: Uint8Array;
  /** A digest of what the target has by names in them (views, functions): an approval is bound to it. Absent: there is nothing of that kind. */
  readonly definitions?: string;
  /** Short names for lists: `SELECT`, `read public.orders`. Whoever shows them puts masks on. */
  readonly verbs: readonly string[];
  readonly objects: readonly string[];
  /** Claims that came with this command (sqlcommenter). */
  readonly claims: Readonly<Record<string, string>>;
  readonly prepares?: string;
  /** More of what an earlier command began (the next rows of its portal): what people approved for that one holds for this, too. */
  readonly continues?: CommandId;
  /** Asked before by this session (a prepared statement that is run again): the gate may reuse a decision of the same policy version. */
  readonly cacheKey: string | undefined;
}

/** The gate's answer to Judge. */
export type Settlement =
  | {
      readonly kind: 'Forward';
      readonly permit: Permit;
      readonly masks: MaskRules;
      readonly recordMasks: MaskRules;
      /** Absent when nothing limits what may be read. */
      readonly meter?: AnswerMeter;
    }
  /** Refused in the client's own protocol; the session lives on. */
  | { readonly kind: 'Refuse'; readonly refusal: Refusal }
  /** It waits for a human: the agent is told in a notice, and `settle` comes again later. */
  | { readonly kind: 'Hold'; readonly notice: string; readonly hint: string };

/** Counts what answers give to the agent, before it is given: all commands of an agent share what may still be read. */
export interface AnswerMeter {
  /**
   * Takes rows, and bytes as the target sent them, from what may still be read. A refusal: nothing was taken, and this part of the answer and
   * all that follows of it must not pass. The session then ends the command with that refusal, and drops the rest.
   */
  take(rows: number, bytes: number): Refusal | undefined;
}

/** What a client is told when a command or a connection is refused. */
export interface Refusal {
  readonly kind:
    | 'Denied'
    | 'Incomplete'
    | 'ApprovalRefused'
    | 'LimitExceeded'
    | 'NotRecorded'
    | 'Unauthenticated'
    | 'NotAdmitted'
    | 'TargetUnavailable'
    | 'Terminated'
    | 'Unsupported';
  /** The rule as `namespace/policy/rule`. */
  readonly rule: string;
  readonly reason: string;
  /** What to do about it. */
  readonly hint: string;
}

/** A refusal that follows from a decision. */
export function refusalOf(decision: Decision): Refusal {
  const { policy, rule } = decision.by;
  return {
    kind: rule === 'incomplete' ? 'Incomplete' : 'Denied',
    rule: policy === undefined ? rule : `${policy.namespace}/${policy.name}/${rule}`,
    reason: decision.reason,
    hint: '',
  };
}

/** One conversation through the gate. Every method returns the steps that it causes, in order. */
export interface ProtocolSession {
  /** The protocol itself limits what an agent sends ahead while a command waits, so the gate need not. */
  readonly limitsAhead?: true;
  /** What was allowed and goes on by itself, as subscriptions do: it is held to new rules too. Absent: nothing does. */
  standing?(): readonly Command[];
  /** So much has come from the agent that no more is read before the target has answered some of it. Absent: never. */
  readonly isFull?: boolean;
  /** What it holds in memory of commands and answers that are not whole yet or must wait, in bytes. Absent: little. */
  readonly heldBytes?: number;
  /** For an agent that is not read: words that change nothing. That they cannot be written shows that it has left. Absent: the protocol has none. */
  probe?(): readonly Step[];
  receiveAgent(bytes: Uint8Array): readonly Step[];
  receiveTarget(bytes: Uint8Array): readonly Step[];
  /**
   * The TLS handshake that StartAgentTls or StartTargetTls asked for is done; or the protocol's own transport is secured, which towards the agent
   * starts by itself and towards the target with StartTargetTls.
   */
  agentSecured(channel?: SecuredChannel): readonly Step[];
  targetSecured(channel?: SecuredChannel): readonly Step[];
  identified(admission: {
    readonly credential: Credential;
    readonly masks: MaskRules;
    /** `masks` and those of policies in Observe mode; the same object when there are none. */
    readonly recordMasks: MaskRules;
    readonly subject: string;
  }): readonly Step[];
  targetConnected(): readonly Step[];
  catalogReady(catalog: Result<unknown, Fault>): readonly Step[];
  settle(commandId: CommandId, settlement: Settlement): readonly Step[];
  /** New masks from the next answer on that is not yet begun; a running answer gets the stronger of both. */
  masksChanged(masks: MaskRules, recordMasks: MaskRules): readonly Step[];
  /** The connection is refused or ended by the gate: says so in the client's protocol, then Close. Valid in every state. */
  terminate(refusal: Refusal, code: CloseCode): readonly Step[];
  agentLeft(): readonly Step[];
  targetLeft(reason: string): readonly Step[];
  /** The cancel that CancelTarget asked for is with the target, or cannot be sent. Absent where a protocol never asks. */
  cancelDelivered?(): readonly Step[];
  /** What to send to the target on a new connection to cancel what runs here, or undefined before login. */
  cancelBytes(): Uint8Array | undefined;
}

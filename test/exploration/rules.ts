/**
 * The eight rules as switches of the world around the machine, and of the plans that it is given. The product has no such
 * switches: taking a rule away here must bring a counterexample back.
 */
export interface Rules {
  /** 1: a new session ends the older ones, and the vault is asked for the newest epoch before the look. */
  readonly fence: boolean;
  /** 2: the vault refuses all but the newest epoch. */
  readonly vaultEpoch: boolean;
  /** 3: serving a version is a hold. */
  readonly readIsHold: boolean;
  /** 4: a cache never goes back to an older version. */
  readonly cachesNeverGoBack: boolean;
  /** 5: a second password says nothing about which one it is. */
  readonly secondPasswordUnknown: boolean;
  /** 6: drift is a matter of the whole shape. */
  readonly wholeShape: boolean;
  /** 7: ended values stay sealed at the vault. */
  readonly keepsEndedValues: boolean;
  /** 8: un-adoption waits until nothing is pending, draining or claimed. */
  readonly unadoptionWaits: boolean;
}

export const allRules: Rules = {
  fence: true,
  vaultEpoch: true,
  readIsHold: true,
  cachesNeverGoBack: true,
  secondPasswordUnknown: true,
  wholeShape: true,
  keepsEndedValues: true,
  unadoptionWaits: true,
};

export type FaultKind =
  | 'crash'
  | 'host-lost'
  | 'reply-lost'
  | 'in-flight'
  | 'confirm-lost'
  | 'confirm-delayed'
  | 'claim-expires'
  | 'restore'
  | 'unfit'
  | 'un-adoption'
  | 'cancelled'
  | 'given-up';

export const allFaults: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'crash',
  'host-lost',
  'reply-lost',
  'in-flight',
  'confirm-lost',
  'confirm-delayed',
  'claim-expires',
  'restore',
  'unfit',
  'un-adoption',
  'cancelled',
  'given-up',
]);

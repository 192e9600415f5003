/** Names and limits of the local wire without the schemas: what a front end that must start fast loads of this folder. */
export const localWireVersion = 1;
/** Bytes of one message, checked before parsing: a secret's value of 64 KiB fits, however JSON must escape it. */
export const maxRequestBytes = 524_288;
export const maxReplyBytes = 8 * 1_048_576;
export const maxRequestsInFlight = 32;

/** Notification from the daemon: one `change` of the state. */
export const stateChangeNotification = 'state.change';
/** Notification from the daemon: this subscriber was too slow and is closed; subscribe anew. */
export const subscriberTooSlowNotification = 'state.tooSlow';

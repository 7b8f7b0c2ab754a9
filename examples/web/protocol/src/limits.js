// The fixed limits and times that bind a client (sections 3 to 13 and 16), each once. Times are milliseconds.

export const FRAME_FROM_CLIENT = 65_536;
export const FRAME_FROM_RELAY = 1_048_576;
export const FRAME_DEPTH = 4;
export const FRAME_MEMBERS = 64;
export const INTEGER_END = 2 ** 53;
export const LINK = 2048;
export const TTL_SECONDS = { min: 30, max: 259_200 };
export const NOT_AFTER_SLACK_SECONDS = 86_400;
export const EXTENSION_SECONDS = { min: 1, max: 1800 };
export const CAPACITY = { min: 2, max: 256, default: 50 };
export const PIN_TEXT = 32;
export const NAME = { min: 1, max: 64 };
export const TEXT = { min: 1, max: 32_768 };
export const READ = { min: 1, max: 64 };
export const CIPHERTEXT = { min: 80, max: 45_000 };
export const PADDED = 64;
export const WRAPS = 255;
/** End of n in an epoch. */
export const CHAIN = 8192;
export const IN_FLIGHT = 64;
export const WAITING_TEXTS = 256;
/** Texts remembered for each sender, so that none is shown twice. */
export const REMEMBERED_IDS = 4096;
export const REMEMBERED_SENDERS = 1024;
/** Versions since the last keyed one whose rosters are kept. */
export const UNKEYED_VERSIONS = 4096;
export const DEPARTED_IDS = 65_536;
/** Automatic fresh joins in a row. */
export const REJOINS = 2;

/** How long an epoch goes on at most once a newer one is there, where no `epoch_end` comes. */
export const OVERLAP = 300_000;
export const NEED_KEY = 5000;
export const REKEY_STALLED = 10_000;
/** How long a client waits for a ticket before it asks. */
export const TICKET_PATIENCE = 2000;
/** How long a member waits before it answers somebody who asks, and how much longer for each place on the roster. */
export const TICKET_ANSWER = { first: 2000, each: 100 };
/** How long a creator that has asked waits before it renews. */
export const TICKET_RENEWAL = 5000;
/** When everything in flight is sent again where the relay does not say when. */
export const RETRY = 1000;
/** How long a seat may be held by a join whose answer was lost, and how often to try. */
export const LOST_JOIN = { during: 40_000, every: 5000 };
/** How many epochs a client remembers, ended ones among them. */
export const KNOWN_EPOCHS = 4096;
/** How many envelopes of epochs that cannot be opened yet a newcomer keeps. */
export const WAITING_ENVELOPES = 65_536;

import type { Notices } from '../../src/campaign/resolve/model-settings.ts';

/** Notices that nobody reads. */
export const NO_NOTICES: Notices = { info() {}, warn() {} };

/** Help of `--trust`. */
export const TRUST_HELP =
  "run the plug-ins named by a campaign's folder that was not made on this machine: they are code";

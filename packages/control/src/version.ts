/** Of the control plane; one with the command's. */
export const VERSION = "0.1.0";

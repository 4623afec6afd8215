import packageJson from "../package.json" with { type: "json" };

/** Version of this proxy, as in its package. */
export const VERSION: string = packageJson.version;

/** `user_agent_name` in the node that is sent to the management server. */
export const USER_AGENT_NAME = "tulle";

import { wordText } from "./frame-writer.ts";
import {
  ErrorCode,
  MAX_FRAME_BYTES,
  MAX_WINDOW,
  SETTING_ENABLE_CONNECT_PROTOCOL,
  SETTING_ENABLE_PUSH,
  SETTING_HEADER_TABLE_SIZE,
  SETTING_INITIAL_WINDOW_SIZE,
  SETTING_MAX_CONCURRENT_STREAMS,
  SETTING_MAX_FRAME_SIZE,
} from "./frames.ts";
import type { Http2Options } from "./options.ts";

/** Of one setting in a frame. */
export const SETTING_BYTES = 6;
/** RFC 9113 §6.5.2. */
const MAX_MAX_FRAME_BYTES = 0xff_ffff;

/** What we say of ourselves, in Envoy's order (`sendSettingsHelper`), as latin1. */
export function ownSettings(options: Http2Options, isServer: boolean): string {
  const { hpackTableSize, maxConcurrentStreams, streamWindow, allowConnect, customSettings } = options;
  let payload = isServer ? "" : setting(SETTING_ENABLE_PUSH, 0);
  for (let i = 0; i < customSettings.length; i += 2) payload += setting(customSettings[i], customSettings[i + 1]);
  return (
    payload +
    setting(SETTING_HEADER_TABLE_SIZE, hpackTableSize) +
    setting(SETTING_ENABLE_CONNECT_PROTOCOL, allowConnect ? 1 : 0) +
    setting(SETTING_MAX_CONCURRENT_STREAMS, maxConcurrentStreams) +
    setting(SETTING_INITIAL_WINDOW_SIZE, streamWindow)
  );
}

function setting(id: number, value: number): string {
  return String.fromCharCode(id >> 8, id & 0xff) + wordText(value);
}

/** The error that a setting of the peer's is, 0 for none. */
export function settingError(id: number, value: number): number {
  switch (id) {
    case SETTING_ENABLE_PUSH:
    case SETTING_ENABLE_CONNECT_PROTOCOL:
      return value > 1 ? ErrorCode.protocol : 0;
    case SETTING_INITIAL_WINDOW_SIZE:
      return value > MAX_WINDOW ? ErrorCode.flowControl : 0;
    case SETTING_MAX_FRAME_SIZE:
      return value < MAX_FRAME_BYTES || value > MAX_MAX_FRAME_BYTES ? ErrorCode.protocol : 0;
    default:
      return 0;
  }
}

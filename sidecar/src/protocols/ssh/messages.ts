/** A frame is a length of so many bytes and one message. */
export const LENGTH_BYTES = 4;

/** Message numbers (RFC 4250, section 4.1). */
export const MESSAGE = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extensionInfo: 7,
  keyExchangeInit: 20,
  keyExchangeLast: 49,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthBanner: 53,
  /** Public key accepted, change of password, or questions, as the method has it. */
  userauthMore: 60,
  userauthInfoResponse: 61,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

/** The one kind of extended data that there is (RFC 4254, section 5.2). */
export const STDERR = 1;

/** Why a channel is not opened (RFC 4254, section 5.1). */
export const OPEN_FAILURE = { prohibited: 1, connectFailed: 2, unknownType: 3, resourceShortage: 4 } as const;

/** Why a connection ends (RFC 4253, section 11.1). */
export const DISCONNECT = {
  protocolError: 2,
  serviceNotAvailable: 7,
  byApplication: 11,
  noMoreAuthMethods: 14,
} as const;

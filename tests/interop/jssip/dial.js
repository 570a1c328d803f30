// JsSIP in Node registers over a secure WebSocket, dials a number and prints what it is sent.
//   node dial.js URL CA USER NUMBER
'use strict';
const fs = require('fs');
const [url, ca, user, number] = process.argv.slice(2);

// JsSIP wants a browser's media for a call. An offer is all it needs here: the call is answered 404 at once.
globalThis.window = globalThis;
class NoMedia {
  constructor() { Object.assign(this, {iceGatheringState: 'complete', signalingState: 'stable', iceConnectionState: 'new'}); }
  async createOffer() { return {type: 'offer', sdp: 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n'}; }
  async setLocalDescription(description) { this.localDescription = description; }
  async setRemoteDescription() {}
  addEventListener() {}
  removeEventListener() {}
  getSenders() { return []; }
  getReceivers() { return []; }
  close() { this.signalingState = 'closed'; }
}
globalThis.RTCPeerConnection = NoMedia;

const JsSIP = require('jssip');
const NodeWebSocket = require('jssip-node-websocket');
const socket = new NodeWebSocket(url, {clientConfig: {tlsOptions: {ca: fs.readFileSync(ca)}}});
const ua = new JsSIP.UA({sockets: [socket], uri: `sip:${user}@127.0.0.1`, password: 'x', session_timers: false});
const end = (code, text) => { console.log(text); ua.stop(); setTimeout(() => process.exit(code), 300); };
setTimeout(() => end(1, 'nothing more came'), 15000).unref();

let failed = '';
ua.on('registered', () => {
  console.log(`registered over ${socket.via_transport}`);
  ua.call(`sip:${number}@127.0.0.1`, {
    mediaStream: {getTracks: () => []},
    eventHandlers: {failed: (event) => { failed = event.cause; console.log(`call failed: ${event.cause}`); }},
  });
});
ua.on('registrationFailed', (event) => end(1, `registration failed: ${event.cause}`));
ua.on('newMessage', ({originator, request}) => {
  if (originator !== 'remote') return;
  console.log(`MESSAGE ${request.getHeader('Content-Type')}`);
  for (const line of request.body.split('\r\n')) console.log(`  ${line}`);
  // JsSIP answers 200 when its user does not.
  setTimeout(() => end(failed === 'Not Found' ? 0 : 1, 'done'), 300);
});
ua.start();

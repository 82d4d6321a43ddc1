// SPDX-License-Identifier: ISC
// Thunderbird's configuration script (its first line is never run).  Makes an IMAP account, reads its inbox whole and
// writes what it sees to @RESULT@ whenever that changes; marks the first message read.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

// What only windows have.
const mainWindow = () => Services.wm.getMostRecentWindow("mail:3pane");
const write = text => mainWindow().IOUtils.writeUTF8("@RESULT@", text, { tmpPath: "@RESULT@.new" });
const delay = ms => new Promise(done => setTimeout(done, ms));

function trustServer() {
  const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
  overrides.rememberValidityOverride("127.0.0.1", @PORT@, {}, db.constructX509FromBase64("@CERTIFICATE@"), false);
}

function makeAccount() {
  const server = MailServices.accounts.createIncomingServer("@USER@", "127.0.0.1", "imap");
  server.port = @PORT@;
  server.socketType = Ci.nsMsgSocketType.SSL;
  server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  server.password = "@PASSWORD@";
  const account = MailServices.accounts.createAccount();
  account.incomingServer = server;
  const identity = MailServices.accounts.createIdentity();
  identity.email = "@USER@";
  account.addIdentity(identity);
  MailServices.accounts.defaultAccount = account;
  return server;
}

// [subject, size, is read, source as binary string]
async function read(inbox) {
  const found = [];
  for (const header of inbox.messages) {
    if (!(header.flags & Ci.nsMsgMessageFlags.Offline)) return null;
    const stream = inbox.getMsgInputStream(header, {});
    const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
    binary.setInputStream(stream);
    let source = "";
    while (source.length < header.offlineMessageSize) source += binary.readBytes(header.offlineMessageSize - source.length);
    found.push([header.mime2DecodedSubject, header.messageSize, header.isRead, mainWindow().btoa(source)]);
  }
  return found;
}

async function work() {
  trustServer();
  const server = makeAccount();
  server.performExpand(null);
  let inbox = null, last = "";
  while (!inbox) {
    await delay(100);
    inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  }
  inbox.setFlag(Ci.nsMsgFolderFlags.Offline);
  inbox.updateFolder(null);
  for (let round = 0; ; round++) {
    await delay(200);
    const messages = await read(inbox);
    if (!messages) {
      if (round % 10 == 5) inbox.downloadAllForOffline(null, null);
      continue;
    }
    const folders = server.rootFolder.descendants.map(f => f.name);
    const text = JSON.stringify({ messages, folders });
    if (text != last) await write(text);
    last = text;
    if (messages.length && !messages[0][2]) inbox.markMessagesRead([[...inbox.messages][0]], true);
  }
}

Services.obs.addObserver(() => work().catch(e => write(JSON.stringify({ error: `${e} ${e.stack}` }))),
  "mail-startup-done");

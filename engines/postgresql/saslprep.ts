/**
 * SASLprep (RFC 4013) as PostgreSQL applies it to passwords: what the profile refuses is used unchanged
 * (src/common/scram-common.c), so a password is never rejected here, only prepared or left alone.
 */

/** RFC 3454 C.1.2, and U+200B as PostgreSQL has it. */
const nonAsciiSpace = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** RFC 3454 B.1, commonly mapped to nothing. */
const mappedToNothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** RFC 4013 §2.3: controls, private use, non-characters, surrogates, and what cannot be plain text or changes display. */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}]|\u0340|\u0341|[\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufdd0-\ufdef\ufff9-\uffff\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;
/** Beyond the basic plane only these blocks existed in Unicode 3.2, which the profile is bound to. */
const assignedBeyondBasicPlane =
  /[\u{10300}-\u{1034a}\u{10400}-\u{1044d}\u{1d000}-\u{1d1dd}\u{1d400}-\u{1d7ff}\u{20000}-\u{2a6d6}\u{2f800}-\u{2fa1d}]/u;
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const leftToRight = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** The password as it goes into PBKDF2. */
export function saslPrepare(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password;
  const prepared = password.replace(nonAsciiSpace, ' ').replace(mappedToNothing, '').normalize('NFKC');
  return prepared === '' || isRefused(prepared) ? password : prepared;
}

function isRefused(text: string): boolean {
  if (prohibited.test(text)) return true;
  const characters = Array.from(text);
  if (characters.some((one) => /\p{Cn}/u.test(one) || ((one.codePointAt(0) ?? 0) > 0xffff && !assignedBeyondBasicPlane.test(one))))
    return true;
  return breaksBidirectionalRule(characters, text);
}

/** RFC 3454 §6: right-to-left text holds no left-to-right letter, and begins and ends right-to-left. */
function breaksBidirectionalRule(characters: readonly string[], text: string): boolean {
  if (!rightToLeft.test(text)) return false;
  return leftToRight.test(text) || !rightToLeft.test(characters[0] ?? '') || !rightToLeft.test(characters.at(-1) ?? '');
}

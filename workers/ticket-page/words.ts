/*
 * What the attendee's page says, a language a column. Another language is another entry here: its tag is all that the
 * rest needs to know. `{…}` is filled in, here or by the page's script.
 */

export type Words = {
  when: string
  where: string
  holder: string
  ticketType: string
  people: string
  ticketNumber: string
  note: string
  /** The image, for whoever does not see it. */
  codeAlt: string
  show: string
  brighten: string
  enlarge: string
  close: string
  calendar: string
  unpaid: string
  blocked: string
  revoked: string
  closed: string
  notYet: string
  over: string
  rotates: string
  rotatesReload: string
  noPrint: string
  savedFrom: string
  savedWithoutCode: string
  offline: string
  online: string
  runsOut: string
  hidden: string
  notFound: string
  notFoundHint: string
  /** On paper, above a list of tickets. */
  unwritten: string
  /** On paper, where there is no ticket to print. */
  nothingToPrint: string
}

const en: Words = {
  when: 'When',
  where: 'Where',
  holder: 'Name',
  ticketType: 'Ticket',
  people: 'Admits',
  ticketNumber: 'Ticket number',
  note: 'Note',
  codeAlt: 'QR code of ticket {number}. Show it at the entrance.',
  show: 'Show this code at the entrance.',
  brighten: 'Turn the screen up bright.',
  enlarge: 'Enlarge the code',
  close: 'Close',
  calendar: 'Add to calendar',
  unpaid: 'This ticket is not paid yet.',
  blocked: 'This ticket is on hold. Please ask the organiser.',
  revoked: 'This ticket was revoked. It does not admit anyone.',
  closed: 'The event is closed.',
  notYet: 'This ticket is valid from {time}.',
  over: 'This ticket was valid until {time}.',
  rotates: 'The code changes every 15 seconds. A picture of it will not be accepted.',
  rotatesReload: 'This page loads a new code by itself.',
  noPrint: 'The codes of this event change all the time and cannot be printed. Show the page on your phone.',
  savedFrom: 'Saved copy from {time}. What changed since is not in it.',
  savedWithoutCode: 'No network. The code of this event changes all the time and needs a connection.',
  offline: 'No network. This page works without one.',
  online: 'Connected.',
  runsOut: 'No network. This code is still good for {seconds} s.',
  hidden: 'No network. The last code ran out. A new one appears as soon as there is a connection.',
  notFound: 'There is no ticket here',
  notFoundHint:
    'Check that the link is complete, or ask whoever sent it to you. The organiser may have sent a new one.',
  unwritten: 'The names on {count} tickets use letters that cannot be printed here. They are left out of:',
  nothingToPrint: 'No ticket is to be printed.',
}

const de: Words = {
  when: 'Wann',
  where: 'Wo',
  holder: 'Name',
  ticketType: 'Ticket',
  people: 'Personen',
  ticketNumber: 'Ticketnummer',
  note: 'Hinweis',
  codeAlt: 'QR-Code des Tickets {number}. Am Einlass vorzeigen.',
  show: 'Zeigen Sie diesen Code am Einlass.',
  brighten: 'Stellen Sie den Bildschirm hell.',
  enlarge: 'Code vergrößern',
  close: 'Schließen',
  calendar: 'In den Kalender',
  unpaid: 'Dieses Ticket ist noch nicht bezahlt.',
  blocked: 'Dieses Ticket ist zurückgestellt. Bitte wenden Sie sich an den Veranstalter.',
  revoked: 'Dieses Ticket wurde widerrufen. Es berechtigt niemanden zum Eintritt.',
  closed: 'Die Veranstaltung ist geschlossen.',
  notYet: 'Dieses Ticket gilt ab {time}.',
  over: 'Dieses Ticket galt bis {time}.',
  rotates: 'Der Code wechselt alle 15 Sekunden. Ein Bild davon wird nicht angenommen.',
  rotatesReload: 'Diese Seite lädt von selbst einen neuen Code.',
  noPrint:
    'Die Codes dieser Veranstaltung wechseln ständig und lassen sich nicht drucken. Zeigen Sie die Seite auf dem Telefon.',
  savedFrom: 'Gespeicherte Kopie vom {time}. Spätere Änderungen fehlen.',
  savedWithoutCode: 'Keine Verbindung. Der Code dieser Veranstaltung wechselt ständig und braucht eine.',
  offline: 'Keine Verbindung. Diese Seite geht auch ohne.',
  online: 'Verbunden.',
  runsOut: 'Keine Verbindung. Dieser Code gilt noch {seconds} s.',
  hidden: 'Keine Verbindung. Der letzte Code ist abgelaufen. Ein neuer erscheint, sobald es eine Verbindung gibt.',
  notFound: 'Hier ist kein Ticket',
  notFoundHint:
    'Prüfen Sie, ob der Link vollständig ist, oder fragen Sie, wer ihn geschickt hat. Vielleicht gibt es einen neuen.',
  unwritten: 'Die Namen auf {count} Tickets haben Buchstaben, die hier nicht gedruckt werden können. Sie fehlen auf:',
  nothingToPrint: 'Es ist kein Ticket zu drucken.',
}

const fr: Words = {
  when: 'Quand',
  where: 'Où',
  holder: 'Nom',
  ticketType: 'Billet',
  people: 'Personnes',
  ticketNumber: 'Numéro du billet',
  note: 'Remarque',
  codeAlt: 'Code QR du billet {number}. À présenter à l’entrée.',
  show: 'Présentez ce code à l’entrée.',
  brighten: 'Augmentez la luminosité de l’écran.',
  enlarge: 'Agrandir le code',
  close: 'Fermer',
  calendar: 'Ajouter au calendrier',
  unpaid: 'Ce billet n’est pas encore payé.',
  blocked: 'Ce billet est suspendu. Adressez-vous à l’organisateur.',
  revoked: 'Ce billet a été annulé. Il ne donne plus accès à l’événement.',
  closed: 'L’événement est fermé.',
  notYet: 'Ce billet est valable à partir du {time}.',
  over: 'Ce billet était valable jusqu’au {time}.',
  rotates: 'Le code change toutes les 15 secondes. Une image du code n’est pas acceptée.',
  rotatesReload: 'Cette page charge elle-même un nouveau code.',
  noPrint:
    'Les codes de cet événement changent sans cesse et ne s’impriment pas. Présentez cette page sur votre téléphone.',
  savedFrom: 'Copie enregistrée du {time}. Les changements ultérieurs n’y figurent pas.',
  savedWithoutCode: 'Pas de réseau. Le code de cet événement change sans cesse et demande une connexion.',
  offline: 'Pas de réseau. Cette page fonctionne sans.',
  online: 'Connecté.',
  runsOut: 'Pas de réseau. Ce code est encore valable {seconds} s.',
  hidden: 'Pas de réseau. Le dernier code a expiré. Un nouveau apparaîtra dès que la connexion sera rétablie.',
  notFound: 'Il n’y a pas de billet ici',
  notFoundHint:
    'Vérifiez que le lien est complet, ou demandez à la personne qui l’a envoyé. Il en existe peut-être un nouveau.',
  unwritten: 'Les noms de {count} billets ont des lettres qui ne peuvent pas être imprimées ici. Ils manquent sur :',
  nothingToPrint: 'Il n’y a aucun billet à imprimer.',
}

const es: Words = {
  when: 'Cuándo',
  where: 'Dónde',
  holder: 'Nombre',
  ticketType: 'Entrada',
  people: 'Personas',
  ticketNumber: 'Número de entrada',
  note: 'Nota',
  codeAlt: 'Código QR de la entrada {number}. Muéstrelo en el acceso.',
  show: 'Muestre este código en el acceso.',
  brighten: 'Suba el brillo de la pantalla.',
  enlarge: 'Ampliar el código',
  close: 'Cerrar',
  calendar: 'Añadir al calendario',
  unpaid: 'Esta entrada aún no está pagada.',
  blocked: 'Esta entrada está retenida. Consulte al organizador.',
  revoked: 'Esta entrada fue anulada. No da acceso a nadie.',
  closed: 'El evento está cerrado.',
  notYet: 'Esta entrada es válida desde el {time}.',
  over: 'Esta entrada fue válida hasta el {time}.',
  rotates: 'El código cambia cada 15 segundos. No se acepta una imagen de él.',
  rotatesReload: 'Esta página carga sola un código nuevo.',
  noPrint:
    'Los códigos de este evento cambian continuamente y no se pueden imprimir. Muestre la página en su teléfono.',
  savedFrom: 'Copia guardada del {time}. No incluye cambios posteriores.',
  savedWithoutCode: 'Sin conexión. El código de este evento cambia continuamente y la necesita.',
  offline: 'Sin conexión. Esta página funciona sin ella.',
  online: 'Conectado.',
  runsOut: 'Sin conexión. Este código aún vale {seconds} s.',
  hidden: 'Sin conexión. El último código caducó. Aparecerá uno nuevo en cuanto haya conexión.',
  notFound: 'Aquí no hay ninguna entrada',
  notFoundHint: 'Compruebe que el enlace está completo o pregunte a quien se lo envió. Puede que haya uno nuevo.',
  unwritten: 'Los nombres de {count} entradas tienen letras que aquí no se pueden imprimir. Faltan en:',
  nothingToPrint: 'No hay ninguna entrada que imprimir.',
}

const hi: Words = {
  when: 'कब',
  where: 'कहाँ',
  holder: 'नाम',
  ticketType: 'टिकट',
  people: 'व्यक्ति',
  ticketNumber: 'टिकट संख्या',
  note: 'सूचना',
  codeAlt: 'टिकट {number} का QR कोड। इसे प्रवेश द्वार पर दिखाएँ।',
  show: 'यह कोड प्रवेश द्वार पर दिखाएँ।',
  brighten: 'स्क्रीन की चमक बढ़ाएँ।',
  enlarge: 'कोड बड़ा करें',
  close: 'बंद करें',
  calendar: 'कैलेंडर में जोड़ें',
  unpaid: 'इस टिकट का भुगतान अभी नहीं हुआ है।',
  blocked: 'यह टिकट रोका गया है। कृपया आयोजक से पूछें।',
  revoked: 'यह टिकट रद्द कर दिया गया है। इससे किसी को प्रवेश नहीं मिलेगा।',
  closed: 'कार्यक्रम बंद हो चुका है।',
  notYet: 'यह टिकट {time} से मान्य है।',
  over: 'यह टिकट {time} तक मान्य था।',
  rotates: 'कोड हर 15 सेकंड में बदलता है। इसकी तस्वीर स्वीकार नहीं होगी।',
  rotatesReload: 'यह पृष्ठ नया कोड अपने आप लाता है।',
  noPrint: 'इस कार्यक्रम के कोड लगातार बदलते हैं और छापे नहीं जा सकते। यह पृष्ठ अपने फ़ोन पर दिखाएँ।',
  savedFrom: '{time} की सहेजी हुई प्रति। बाद के बदलाव इसमें नहीं हैं।',
  savedWithoutCode: 'नेटवर्क नहीं है। इस कार्यक्रम का कोड लगातार बदलता है और उसके लिए नेटवर्क चाहिए।',
  offline: 'नेटवर्क नहीं है। यह पृष्ठ उसके बिना भी चलता है।',
  online: 'नेटवर्क जुड़ गया।',
  runsOut: 'नेटवर्क नहीं है। यह कोड अभी {seconds} सेकंड मान्य है।',
  hidden: 'नेटवर्क नहीं है। पिछला कोड समाप्त हो गया। नेटवर्क मिलते ही नया कोड दिखेगा।',
  notFound: 'यहाँ कोई टिकट नहीं है',
  notFoundHint: 'देखें कि लिंक पूरा है या नहीं, या भेजने वाले से पूछें। हो सकता है नया लिंक भेजा गया हो।',
  unwritten: '{count} टिकटों के नामों में ऐसे अक्षर हैं जो यहाँ छप नहीं सकते। वे इन पर नहीं हैं:',
  nothingToPrint: 'छापने के लिए कोई टिकट नहीं है।',
}

const ar: Words = {
  when: 'الموعد',
  where: 'المكان',
  holder: 'الاسم',
  ticketType: 'التذكرة',
  people: 'عدد الأشخاص',
  ticketNumber: 'رقم التذكرة',
  note: 'ملاحظة',
  codeAlt: 'رمز الاستجابة السريعة للتذكرة {number}. أظهره عند المدخل.',
  show: 'أظهر هذا الرمز عند المدخل.',
  brighten: 'ارفع سطوع الشاشة.',
  enlarge: 'تكبير الرمز',
  close: 'إغلاق',
  calendar: 'أضف إلى التقويم',
  unpaid: 'لم يُدفع ثمن هذه التذكرة بعد.',
  blocked: 'هذه التذكرة موقوفة مؤقتًا. يرجى مراجعة المنظّم.',
  revoked: 'أُلغيت هذه التذكرة ولا تسمح بدخول أحد.',
  closed: 'الفعالية مغلقة.',
  notYet: 'هذه التذكرة صالحة ابتداءً من {time}.',
  over: 'كانت هذه التذكرة صالحة حتى {time}.',
  rotates: 'يتغيّر الرمز كل 15 ثانية، ولن تُقبل صورة منه.',
  rotatesReload: 'تجلب هذه الصفحة رمزًا جديدًا تلقائيًا.',
  noPrint: 'رموز هذه الفعالية تتغيّر باستمرار ولا يمكن طباعتها. أظهر هذه الصفحة على هاتفك.',
  savedFrom: 'نسخة محفوظة بتاريخ {time}. لا تتضمن ما تغيّر بعد ذلك.',
  savedWithoutCode: 'لا يوجد اتصال. رمز هذه الفعالية يتغيّر باستمرار ويحتاج إلى اتصال.',
  offline: 'لا يوجد اتصال. تعمل هذه الصفحة من دونه.',
  online: 'تم الاتصال.',
  runsOut: 'لا يوجد اتصال. يبقى هذا الرمز صالحًا {seconds} ثانية.',
  hidden: 'لا يوجد اتصال. انتهت صلاحية الرمز الأخير، وسيظهر رمز جديد فور عودة الاتصال.',
  notFound: 'لا توجد تذكرة هنا',
  notFoundHint: 'تأكد من أن الرابط كامل، أو اسأل من أرسله إليك. ربما أُرسل رابط جديد.',
  unwritten: 'أسماء {count} من التذاكر مكتوبة بأحرف لا يمكن طباعتها هنا، وهي غير موجودة على:',
  nothingToPrint: 'لا توجد تذكرة للطباعة.',
}

const languages: Record<string, Words> = { en, de, fr, es, hi, ar }
const rightToLeft = new Set(['ar'])

/** A reader's language: what is said, how times are written, and which way it runs. */
export type Language = { words: Words; tag: string; direction: 'ltr' | 'rtl' }

/** Takes an `Accept-Language` header; gives the language that suits best, or English. */
export function languageFor(header: string | null): Language {
  for (const tag of wishes(header)) {
    const base = tag.split('-')[0]?.toLowerCase() ?? ''
    const words = Object.hasOwn(languages, base) ? languages[base] : undefined
    if (words) return { words, tag: known(tag) ?? base, direction: rightToLeft.has(base) ? 'rtl' : 'ltr' }
  }
  return { words: en, tag: 'en-GB', direction: 'ltr' }
}

/** The tags that are asked for, the most wanted first. */
function wishes(header: string | null): string[] {
  return (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((item) => {
      const [tag = '', ...rest] = item.trim().split(';')
      const quality = rest.map((part) => /^\s*q=([\d.]+)\s*$/.exec(part)?.[1]).find((found) => found !== undefined)
      return { tag: tag.trim(), quality: quality === undefined ? 1 : Number(quality) }
    })
    .filter(({ tag, quality }) => /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(tag) && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag)
}

function known(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    // A RangeError is how Intl says that this is no language's tag.
    return null
  }
}

/** Puts values in the places of a text that are named in braces. */
export function filled(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place)
}

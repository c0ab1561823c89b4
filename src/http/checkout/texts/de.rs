//! German.

use super::{
    Advice, BillTexts, CancelTexts, FailureTexts, MethodTexts, Outcome, PayTexts, ReceiptTexts, StandingTexts, Texts,
};

pub(in crate::http::checkout) static TEXTS: Texts = Texts {
    skip_to_content: "Zum Inhalt springen",
    checkout: "Online-Bezahlung",
    test_banner: "Testumgebung: Hier wird kein echtes Geld bewegt.",
    footer_label: "Rechtliche Hinweise",
    imprint: "Impressum",
    privacy: "Datenschutz",
    accessibility: "Barrierefreiheit",
    bill: BILL,
    pay: PAY,
    cancel: CANCEL,
    standing: STANDING,
    receipt: RECEIPT,
    failure: FAILURE,
    method: MethodTexts {
        card: "Kredit- oder Debitkarte",
        paypal: "PayPal",
        google_pay: "Google Pay",
        apple_pay: "Apple Pay",
    },
};

const BILL: BillTexts = BillTexts {
    heading: "Angaben zur Zahlung",
    lines: "Was berechnet wird",
    line: "Leistung",
    quantity: "Anzahl",
    amount: "Betrag",
    total: "Gesamtbetrag",
    unit_amount: |amount| format!("je {amount}"),
    tax_included: |rate, amount| format!("darin {rate} % Umsatzsteuer: {amount}"),
    unnamed_line: "Gebühr",
    authority: "Behörde",
    service: "Angebot",
    kassenzeichen: "Kassenzeichen",
    pay_until: "Zahlbar bis",
    contact_heading: "Fragen zu dieser Zahlung?",
    contact_lead: "Nennen Sie bitte das Kassenzeichen.",
    telephone: "Telefon",
    hours: "Erreichbar",
};

const PAY: PayTexts = PayTexts {
    title: |amount| format!("Zu bezahlen: {amount}"),
    heading: "Gebühr bezahlen",
    methods: "Wie möchten Sie bezahlen?",
    methods_hint: "Sie werden zur sicheren Seite des Zahlungsdienstes weitergeleitet und kommen danach hierher zurück.",
    no_method: "Für diese Zahlung ist zurzeit keine Zahlungsart verfügbar. Bitte versuchen Sie es später noch einmal \
                oder rufen Sie uns an.",
    cancel: "Zahlung abbrechen",
    declined: "Der letzte Zahlungsversuch wurde abgelehnt. Es wurde nichts abgebucht.",
    declined_again: "Sie können es noch einmal versuchen.",
    declined_other: "Sie können es noch einmal versuchen oder eine andere Zahlungsart wählen.",
    declined_title: "Abgelehnt",
    continue_title: "Noch nicht bezahlt",
    continue_heading: "Zahlung fortsetzen",
    continue_lead: "Sie haben die Zahlung begonnen, aber noch nicht abgeschlossen. Bisher wurde nichts abgebucht.",
    continue_link: |method| format!("Beim Zahlungsdienst weiter: {method}"),
    other_methods: "Oder anders bezahlen",
    other_methods_hint: "Wenn Sie eine andere Zahlungsart wählen, wird die begonnene Zahlung zuerst geschlossen, damit \
                         Sie nicht doppelt bezahlen.",
    problem: "Das hat nicht geklappt",
    unknown_method: "Diese Zahlungsart gibt es hier nicht. Bitte wählen Sie eine der angebotenen Zahlungsarten.",
    broken_form: "Ihre Eingabe konnte nicht gelesen werden. Bitte wählen Sie noch einmal eine Zahlungsart.",
    provider_unavailable: "Entschuldigung, der Zahlungsdienst ist gerade nicht erreichbar. Es wurde nichts abgebucht. \
                           Bitte versuchen Sie es in einigen Minuten noch einmal.",
    busy: "Entschuldigung, gerade wird zu viel auf einmal bearbeitet. Bitte versuchen Sie es noch einmal.",
    too_many_tries: "Für diese Zahlung gab es zu viele Versuche. Es wurde nichts abgebucht. Bitte rufen Sie uns an.",
};

const CANCEL: CancelTexts = CancelTexts {
    title: "Zahlung abbrechen?",
    heading: "Möchten Sie die Zahlung wirklich abbrechen?",
    lead: "Danach kann diese Zahlung nicht mehr fortgesetzt werden. Wenn Sie die Leistung doch möchten, beginnen Sie dort \
           neu, wo Sie hergekommen sind.",
    confirm: "Ja, Zahlung abbrechen",
    go_back: "Nein, zurück zur Zahlung",
};

const STANDING: StandingTexts = StandingTexts {
    closing: Outcome {
        title: "Wird geprüft",
        heading: "Einen Augenblick bitte",
        lead: "Wir fragen gerade beim Zahlungsdienst nach, was aus dem begonnenen Versuch geworden ist. Bitte bezahlen Sie \
               jetzt nicht noch einmal. Schauen Sie in ein bis zwei Minuten wieder nach.",
    },
    pending: Outcome {
        title: "In Bearbeitung",
        heading: "Ihre Zahlung wird bearbeitet",
        lead: "Der Zahlungsdienst bearbeitet Ihre Zahlung noch. Bitte bezahlen Sie nicht noch einmal. Sie können diese Seite \
               schließen: Die Behörde erfährt das Ergebnis auch ohne Sie.",
    },
    held: Outcome {
        title: "Vorgemerkt",
        heading: "Ihre Zahlung ist vorgemerkt",
        lead: "Der Betrag ist für die Behörde reserviert. Er wird abgebucht, sobald Ihr Anliegen bearbeitet ist. Sie \
               brauchen nichts weiter zu tun.",
    },
    checking: Outcome {
        title: "Wird geprüft",
        heading: "Ihre Zahlung wird noch geprüft",
        lead: "Wir wissen noch nicht, ob Ihre Zahlung angekommen ist, und klären das mit dem Zahlungsdienst. Bitte bezahlen \
               Sie nicht noch einmal.",
    },
    paid: Outcome {
        title: "Bezahlt",
        heading: "Vielen Dank, Ihre Zahlung ist angekommen",
        lead: "Die Behörde weiß Bescheid. Sie brauchen nichts weiter zu tun.",
    },
    reversed: Outcome {
        title: "Zurückgebucht",
        heading: "Ihre Zahlung wurde zurückgebucht",
        lead: "Die Zahlung war angekommen, danach ging das Geld an Sie zurück. Die Gebühr ist damit nicht bezahlt. Bitte \
               beginnen Sie die Zahlung neu, oder rufen Sie uns an.",
    },
    cancelled: Outcome {
        title: "Abgebrochen",
        heading: "Die Zahlung wurde abgebrochen",
        lead: "Diese Zahlung kann nicht mehr fortgesetzt werden. Wenn Sie die Leistung doch möchten, beginnen Sie dort neu, \
               wo Sie hergekommen sind.",
    },
    expired: Outcome {
        title: "Abgelaufen",
        heading: "Die Zeit zum Bezahlen ist abgelaufen",
        lead: "Diese Zahlung kann nicht mehr fortgesetzt werden. Wenn Sie die Leistung noch möchten, beginnen Sie dort neu, \
               wo Sie hergekommen sind.",
    },
    failed: Outcome {
        title: "Nicht bezahlt",
        heading: "Die Zahlung ist nicht zustande gekommen",
        lead: "Wir haben Ihre Zahlung geprüft: Es wurde nichts abgebucht. Bitte beginnen Sie die Zahlung neu, oder rufen Sie \
               uns an.",
    },
    checking_until: |moment| format!("Das Ergebnis steht spätestens am {moment} fest oder wird dann von Hand geklärt."),
    paid_lead_disputed: "Die Behörde weiß Bescheid.",
    refunded: |amount, paid| format!("Von den bezahlten {paid} wurden Ihnen {amount} erstattet."),
    refunded_whole: |paid| format!("Die bezahlten {paid} wurden Ihnen vollständig erstattet."),
    charged_back: |amount| {
        format!(
            "Ihre Bank hat {amount} zurückgefordert. Die Gebühr ist damit nicht mehr vollständig bezahlt. Bitte rufen \
                 Sie uns an."
        )
    },
    surplus: |amount| format!("Es sind {amount} zu viel bei uns angekommen. Wir veranlassen die Rückzahlung."),
    look_again: "Jetzt noch einmal nachsehen",
    receipt_link: "Zahlungsbestätigung anzeigen",
    back_to: "Zurück:",
};

const RECEIPT: ReceiptTexts = ReceiptTexts {
    title: "Zahlungsbestätigung",
    heading: "Zahlungsbestätigung",
    has_received: |amount| format!("hat {amount} erhalten."),
    paid_at: "Bezahlt am",
    paid_with: "Zahlungsart",
    amount: "Bezahlter Betrag",
    refund: |day| format!("Erstattung vom {day}"),
    charged_back: "Von Ihrer Bank zurückgefordert",
    remaining: "Verbleibender Betrag",
    number: "Nummer der Zahlung",
    hint: "Sie können diese Seite mit Ihrem Browser drucken oder als PDF speichern.",
    back: "Zurück zur Zahlung",
};

const FAILURE: FailureTexts = FailureTexts {
    not_found: Outcome {
        title: "Nicht gefunden",
        heading: "Diese Seite gibt es nicht",
        lead: "Unter dieser Adresse ist hier nichts zu finden.",
    },
    not_found_advice: Advice {
        causes_heading: "Woran kann das liegen?",
        causes: [
            "Die Adresse ist unvollständig. Das kommt vor, wenn ein Link in einer E-Mail umgebrochen oder nur zum Teil \
             kopiert wurde.",
            "Der Link ist alt und gilt nicht mehr.",
        ],
        steps_heading: "Was können Sie tun?",
        steps: [
            "Öffnen Sie den Link noch einmal, oder kopieren Sie ihn vollständig in Ihren Browser.",
            "Gehen Sie zurück zum Online-Dienst, von dem Sie gekommen sind. Dort sehen Sie, wie es weitergeht.",
        ],
    },
    foreign: Outcome {
        title: "Nicht ausgeführt",
        heading: "Das haben wir nicht ausgeführt",
        lead: "Die Eingabe kam von einer fremden Internetseite. Wenn Sie bezahlen möchten, öffnen Sie bitte die Seite der \
               Zahlung und wählen dort eine Zahlungsart.",
    },
    too_large: Outcome {
        title: "Nicht ausgeführt",
        heading: "Das haben wir nicht ausgeführt",
        lead: "Die Eingabe war zu lang. Bitte öffnen Sie die Seite der Zahlung und wählen dort eine Zahlungsart.",
    },
    internal: Outcome {
        title: "Störung",
        heading: "Entschuldigung, bei uns ist etwas schiefgegangen",
        lead: "Bitte laden Sie die Seite in einigen Minuten neu. Bezahlen Sie bitte nicht auf anderem Wege, bevor Sie \
               gesehen haben, wo die Zahlung steht.",
    },
};

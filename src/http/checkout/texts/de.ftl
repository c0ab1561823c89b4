### Deutsch. Gebrochen wird nur, wo es gut aussieht: geschützte Leerzeichen stehen zwischen Zahl und Zeichen.

## Zahlen, Beträge, Tage und Uhrzeiten

number-point = ,
number-group = .
amount-euro = { $sign }{ $number } €
amount-other = { $sign }{ $number } { $currency }
month = { $number ->
    [1] Januar
    [2] Februar
    [3] März
    [4] April
    [5] Mai
    [6] Juni
    [7] Juli
    [8] August
    [9] September
    [10] Oktober
    [11] November
   *[12] Dezember
}
day = { $day }. { $month } { $year }
moment = { $day }, { $clock } Uhr ({ $season ->
    [summer] MESZ
   *[winter] MEZ
})
minutes = { $number ->
    [one] 1 Minute
   *[other] { $number } Minuten
}
hours = { $number ->
    [one] 1 Stunde
   *[other] { $number } Stunden
}

## Um jede Seite herum

skip-to-content = Zum Inhalt springen
checkout = Online-Bezahlung
test-banner = Testumgebung: Hier wird kein echtes Geld bewegt.
languages = Sprache wählen
footer = Rechtliche Hinweise
imprint = Impressum
privacy = Datenschutz
accessibility = Erklärung zur Barrierefreiheit

## Wofür bezahlt wird, und an wen

bill = Angaben zur Zahlung
bill-lines = Was berechnet wird
bill-line = Leistung
bill-quantity = Anzahl
bill-amount = Betrag
bill-total = Gesamtbetrag
bill-unit-amount = je { $amount }
bill-tax-included = darin { $rate } % Umsatzsteuer: { $amount }
bill-unnamed-line = Gebühr
bill-authority = Behörde
bill-service = Angebot
bill-kassenzeichen = Kassenzeichen
bill-pay-until = Zahlbar bis

contact = Fragen zu dieser Zahlung?
contact-lead = Nennen Sie bitte das Kassenzeichen.
contact-telephone = Telefon
contact-email = E-Mail
contact-hours = Erreichbar

## Eine Zahlungsart wählen

method-card = Kredit- oder Debitkarte
method-paypal = PayPal
method-google-pay = Google Pay
method-apple-pay = Apple Pay

pay = Gebühr bezahlen
    .title = Zu bezahlen: { $amount }
methods = Wie möchten Sie bezahlen?
    .hint = Sie gehen zur sicheren Seite des Zahlungsdienstes und kommen danach hierher zurück.
    .none = Für diese Zahlung ist zurzeit keine Zahlungsart verfügbar. Bitte versuchen Sie es später noch einmal oder rufen Sie uns an.
other-methods = Oder anders bezahlen
    .hint = Wenn Sie eine andere Zahlungsart wählen, schließen wir zuerst die begonnene Zahlung, damit Sie nicht doppelt bezahlen.
declined = Der letzte Zahlungsversuch wurde abgelehnt. Es wurde nichts abgebucht.
    .title = Abgelehnt
    .again = Sie können es noch einmal versuchen.
    .other = Sie können es noch einmal versuchen oder eine andere Zahlungsart wählen.
begun = Zahlung fortsetzen
    .title = Noch nicht bezahlt
    .lead = Sie haben die Zahlung begonnen, aber noch nicht abgeschlossen. Bisher wurde nichts abgebucht.
    .onward = Beim Zahlungsdienst weiter: { $method }
problem = Das hat nicht geklappt
    .unknown-method = Diese Zahlungsart gibt es hier nicht. Bitte wählen Sie eine der angebotenen Zahlungsarten.
    .broken-form = Ihre Eingabe konnte nicht gelesen werden. Bitte versuchen Sie es auf dieser Seite noch einmal.
    .provider-unavailable = Entschuldigung, der Zahlungsdienst ist gerade nicht erreichbar. Es wurde nichts abgebucht. Bitte versuchen Sie es in einigen Minuten noch einmal.
    .busy = Entschuldigung, gerade wird zu viel auf einmal bearbeitet. Bitte versuchen Sie es noch einmal.
    .too-many-tries = Für diese Zahlung gab es zu viele Versuche. Es wurde nichts abgebucht. Bitte rufen Sie uns an.
    .no-more-time = Die Zeit für diese Zahlung kann nicht noch einmal verlängert werden. Sie können bis zum angegebenen Zeitpunkt bezahlen.

## Die Zeit zum Bezahlen

time = Brauchen Sie mehr Zeit?
    .lead = Sie können diese Zahlung bis { $moment } bezahlen. Wenn Sie mehr Zeit brauchen, verlängern Sie hier. { $left ->
        [one] Das geht noch einmal.
       *[other] Das geht noch { $left }-mal.
    }
    .extend = Um { $duration } verlängern
    .soon-title = Die Zeit läuft bald ab
    .soon = { $minutes ->
        [0] Sie haben noch weniger als eine Minute Zeit, um zu bezahlen.
        [one] Sie haben noch etwa eine Minute Zeit, um zu bezahlen.
       *[other] Sie haben noch etwa { $minutes } Minuten Zeit, um zu bezahlen.
    }
    .soon-extend = Wenn Sie mehr Zeit brauchen, verlängern Sie sie auf dieser Seite.
    .over-title = Die Zeit zum Bezahlen ist abgelaufen
    .over = Es ist noch nichts abgebucht, solange Sie beim Zahlungsdienst nichts bestätigt haben.
    .look = Nachsehen, wo die Zahlung steht

## Abbrechen

cancel = Zahlung abbrechen
    .title = Zahlung abbrechen?
    .question = Möchten Sie die Zahlung wirklich abbrechen?
    .lead = Danach kann diese Zahlung nicht mehr fortgesetzt werden. Wenn Sie die Leistung doch möchten, beginnen Sie dort neu, wo Sie hergekommen sind.
    .confirm = Ja, Zahlung abbrechen
    .go-back = Nein, zurück zur Zahlung

## Was geschehen ist, und was zu tun ist

closing = Einen Augenblick bitte
    .title = Wird geprüft
    .lead = Wir fragen gerade beim Zahlungsdienst nach, was aus dem begonnenen Versuch geworden ist. Bitte bezahlen Sie jetzt nicht noch einmal. Schauen Sie in ein bis zwei Minuten wieder nach.
pending = Ihre Zahlung wird bearbeitet
    .title = In Bearbeitung
    .lead = Der Zahlungsdienst bearbeitet Ihre Zahlung noch. Bitte bezahlen Sie nicht noch einmal. Sie können diese Seite schließen: Die Behörde erfährt das Ergebnis auch ohne Sie.
held = Ihre Zahlung ist vorgemerkt
    .title = Vorgemerkt
    .lead = Der Betrag ist für die Behörde reserviert. Er wird abgebucht, sobald Ihr Anliegen bearbeitet ist. Sie brauchen nichts weiter zu tun.
checking = Ihre Zahlung wird noch geprüft
    .title = Wird geprüft
    .lead = Wir wissen noch nicht, ob Ihre Zahlung angekommen ist, und klären das mit dem Zahlungsdienst. Bitte bezahlen Sie nicht noch einmal.
    .until = Das Ergebnis steht spätestens am { $moment } fest oder wird dann von Hand geklärt. Sie können diese Seite schließen und später wiederkommen.
paid = Vielen Dank, Ihre Zahlung ist angekommen
    .title = Bezahlt
    .lead = Die Behörde weiß Bescheid. Sie brauchen nichts weiter zu tun.
    .lead-disputed = Die Behörde weiß Bescheid.
reversed = Ihre Zahlung wurde zurückgebucht
    .title = Zurückgebucht
    .lead = Die Zahlung war angekommen, danach ging das Geld an Sie zurück. Die Gebühr ist damit nicht bezahlt. Bitte beginnen Sie die Zahlung neu, oder rufen Sie uns an.
cancelled = Die Zahlung wurde abgebrochen
    .title = Abgebrochen
    .lead = Diese Zahlung kann nicht mehr fortgesetzt werden. Wenn Sie die Leistung doch möchten, beginnen Sie dort neu, wo Sie hergekommen sind.
expired = Die Zeit zum Bezahlen ist abgelaufen
    .title = Abgelaufen
    .lead = Diese Zahlung kann nicht mehr fortgesetzt werden. Wenn Sie die Leistung noch möchten, beginnen Sie dort neu, wo Sie hergekommen sind.
failed = Die Zahlung ist nicht zustande gekommen
    .title = Nicht bezahlt
    .lead = Wir haben Ihre Zahlung geprüft: Es wurde nichts abgebucht. Bitte beginnen Sie die Zahlung neu, oder rufen Sie uns an.

nothing-charged = Es wurde nichts abgebucht.
refunded = Von den bezahlten { $paid } wurden Ihnen { $amount } erstattet.
refunded-whole = Die bezahlten { $paid } wurden Ihnen vollständig erstattet.
charged-back = Ihre Bank hat { $amount } zurückgefordert. Die Gebühr ist damit nicht mehr vollständig bezahlt. Bitte rufen Sie uns an.
surplus = Es sind { $amount } zu viel bei uns angekommen. Wir veranlassen die Rückzahlung.
look-again = Jetzt noch einmal nachsehen
back-to = Zurück:

## Die Bestätigung

receipt = Zahlungsbestätigung
    .show = Zahlungsbestätigung anzeigen
    .has-received = hat { $amount } erhalten.
    .paid-at = Bezahlt am
    .paid-with = Zahlungsart
    .amount = Bezahlter Betrag
    .refund = Erstattung vom { $day }
    .charged-back = Von Ihrer Bank zurückgefordert
    .remaining = Verbleibender Betrag
    .number = Nummer der Zahlung
    .hint = Sie können diese Seite mit Ihrem Browser drucken oder als PDF speichern.
    .back = Zurück zur Zahlung

## Was nicht gezeigt oder getan werden kann

not-found = Diese Seite gibt es nicht
    .title = Nicht gefunden
    .lead = Unter dieser Adresse ist hier nichts zu finden.
    .causes = Woran kann das liegen?
    .cause-incomplete = Die Adresse ist unvollständig. Das kommt vor, wenn ein Link in einer E-Mail umgebrochen oder nur zum Teil kopiert wurde.
    .cause-old = Der Link ist alt und gilt nicht mehr.
    .steps = Was können Sie tun?
    .step-again = Öffnen Sie den Link noch einmal, oder kopieren Sie ihn vollständig in Ihren Browser.
    .step-back = Gehen Sie zurück zum Online-Dienst, von dem Sie gekommen sind. Dort sehen Sie, wie es weitergeht.
wrong-way = Das geht hier nicht
    .title = Nicht ausgeführt
    .lead = Diese Adresse kann nicht auf diese Weise aufgerufen werden. Bitte öffnen Sie die Seite der Zahlung.
foreign = Das haben wir nicht ausgeführt
    .title = Nicht ausgeführt
    .lead = Die Eingabe kam von einer fremden Internetseite. Wenn Sie bezahlen möchten, öffnen Sie bitte die Seite der Zahlung und wählen dort eine Zahlungsart.
too-large = Das haben wir nicht ausgeführt
    .title = Nicht ausgeführt
    .lead = Die Eingabe war zu lang. Bitte öffnen Sie die Seite der Zahlung und wählen dort eine Zahlungsart.
internal = Entschuldigung, bei uns ist etwas schiefgegangen
    .title = Störung
    .lead = Bitte laden Sie die Seite in einigen Minuten neu. Bezahlen Sie bitte nicht auf anderem Wege, bevor Sie gesehen haben, wo die Zahlung steht.

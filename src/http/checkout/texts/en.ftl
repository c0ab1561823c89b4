### English. No-break spaces stand between a number and its sign.

## Numbers, amounts, days and times

number-point = .
number-group = ,
amount-euro = { $sign }€{ $number }
amount-other = { $sign }{ $currency } { $number }
month = { $number ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
}
day = { $day } { $month } { $year }
moment = { $day }, { $clock } ({ $season ->
    [summer] CEST
   *[winter] CET
}, German time)
minutes = { $number ->
    [one] 1 minute
   *[other] { $number } minutes
}
hours = { $number ->
    [one] 1 hour
   *[other] { $number } hours
}

## Around every page

skip-to-content = Skip to content
checkout = Online payment
test-banner = Test system: no real money is moved here.
languages = Choose a language
footer = Legal information
imprint = Imprint
privacy = Privacy
accessibility = Accessibility statement

## What is paid, and to whom

bill = About this payment
bill-lines = What is charged
bill-line = Item
bill-quantity = Quantity
bill-amount = Amount
bill-total = Total
bill-unit-amount = { $amount } each
bill-tax-included = includes { $rate }% VAT: { $amount }
bill-unnamed-line = Fee
bill-authority = Authority
bill-service = Service
bill-kassenzeichen = Payment reference (Kassenzeichen)
bill-pay-until = Pay by

contact = Questions about this payment?
contact-lead = Please have the payment reference ready.
contact-telephone = Telephone
contact-email = E-mail
contact-hours = Opening hours

## Choosing how to pay

method-card = Credit or debit card
method-paypal = PayPal
method-google-pay = Google Pay
method-apple-pay = Apple Pay

pay = Pay a fee
    .title = To pay: { $amount }
methods = How would you like to pay?
    .hint = You will go to the secure page of the payment provider and come back here afterwards.
    .none = No payment method is available for this payment at the moment. Please try again later or call us.
other-methods = Or pay another way
    .hint = If you choose another way, we first close what you have begun, so that you do not pay twice.
declined = The last try was declined. Nothing was charged.
    .title = Declined
    .again = You can try again.
    .other = You can try again, or choose another way to pay.
begun = Continue your payment
    .title = Not paid yet
    .lead = You have begun to pay, but have not finished. Nothing has been charged so far.
    .onward = Continue at the payment provider: { $method }
problem = That did not work
    .unknown-method = This payment method is not available here. Please choose one of those offered.
    .broken-form = We could not read what you sent. Please try again on this page.
    .provider-unavailable = Sorry, the payment provider cannot be reached right now. Nothing was charged. Please try again in a few minutes.
    .busy = Sorry, too much is going on at once. Please try again.
    .too-many-tries = There were too many tries for this payment. Nothing was charged. Please call us.
    .no-more-time = The time for this payment cannot be extended once more. You can pay until the moment that is shown.

## The time to pay

time = Do you need more time?
    .lead = You can pay until { $moment }. If you need more time, extend it here. { $left ->
        [one] You can do so one more time.
       *[other] You can do so { $left } more times.
    }
    .extend = Extend by { $duration }
    .soon-title = The time is nearly over
    .soon = { $minutes ->
        [0] You have less than a minute left to pay.
        [one] You have about one minute left to pay.
       *[other] You have about { $minutes } minutes left to pay.
    }
    .soon-extend = If you need more time, extend it on this page.
    .over-title = The time to pay is over
    .over = Nothing has been charged unless you have confirmed it at the payment provider.
    .look = See where the payment stands

## Giving up

cancel = Cancel this payment
    .title = Cancel this payment?
    .question = Do you really want to cancel this payment?
    .lead = You cannot continue it afterwards. If you still want the service, start again where you came from.
    .confirm = Yes, cancel the payment
    .go-back = No, back to the payment

## What happened, and what is to be done

closing = One moment, please
    .title = Being checked
    .lead = We are asking the payment provider what became of the try that was begun. Please do not pay again now. Look again in a minute or two.
pending = Your payment is being processed
    .title = Being processed
    .lead = The payment provider is still working on your payment. Please do not pay again. You can close this page: the authority will learn the result without you.
held = Your payment is reserved
    .title = Reserved
    .lead = The amount is reserved for the authority. It will be taken as soon as your request has been dealt with. There is nothing more to do.
checking = Your payment is still being checked
    .title = Being checked
    .lead = We do not know yet whether your payment has arrived and are clarifying it with the payment provider. Please do not pay again.
    .until = The result will be known by { $moment }, or will then be settled by hand. You can close this page and come back later.
paid = Thank you, your payment has arrived
    .title = Paid
    .lead = The authority has been told. There is nothing more to do.
    .lead-disputed = The authority has been told.
reversed = Your payment was reversed
    .title = Reversed
    .lead = The payment had arrived, then the money went back to you. So the fee is not paid. Please start the payment again, or call us.
cancelled = The payment was cancelled
    .title = Cancelled
    .lead = This payment cannot be continued. If you still want the service, start again where you came from.
expired = The time to pay is over
    .title = Expired
    .lead = This payment cannot be continued. If you still want the service, start again where you came from.
failed = The payment did not take place
    .title = Not paid
    .lead = We have checked your payment: nothing was charged. Please start the payment again, or call us.

nothing-charged = Nothing was charged.
refunded = Of the { $paid } that you paid, { $amount } has been refunded to you.
refunded-whole = The { $paid } that you paid has been refunded to you in full.
charged-back = Your bank has claimed back { $amount }. So the fee is no longer paid in full. Please call us.
surplus = We have received { $amount } too much. We will see that it goes back.
look-again = Look again now
back-to = Back:

## The receipt

receipt = Confirmation of payment
    .show = Show the confirmation of payment
    .has-received = has received { $amount }.
    .paid-at = Paid on
    .paid-with = Paid with
    .amount = Amount paid
    .refund = Refund of { $day }
    .charged-back = Claimed back by your bank
    .remaining = Amount remaining
    .number = Number of the payment
    .hint = You can print this page or save it as a PDF with your browser.
    .back = Back to the payment

## What cannot be shown or done

not-found = This page does not exist
    .title = Not found
    .lead = There is nothing to be found at this address.
    .causes = What may be wrong?
    .cause-incomplete = The address is incomplete. This happens when a link in an e-mail was broken between two lines or copied only in part.
    .cause-old = The link is old and no longer valid.
    .steps = What can you do?
    .step-again = Open the link once more, or copy all of it into your browser.
    .step-back = Go back to the online service that you came from. There you see how to go on.
wrong-way = That cannot be done here
    .title = Not done
    .lead = This address cannot be called in this way. Please open the page of the payment.
foreign = We did not do this
    .title = Not done
    .lead = What we received was sent by another website. If you want to pay, please open the page of the payment and choose how to pay there.
too-large = We did not do this
    .title = Not done
    .lead = What we received was too long. Please open the page of the payment and choose how to pay there.
internal = Sorry, something went wrong at our end
    .title = Fault
    .lead = Please reload the page in a few minutes. Please do not pay in another way before you have seen where the payment stands.

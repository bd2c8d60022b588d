//! What mails say, in each language.

/// A language of mails. Another one is a variant here and an arm in every function below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
    /// Arabic.
    Arabic,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Arabic];

    /// The language of this tag.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let all = Self::ALL.into_iter();
        all.into_iter().find(|language| language.tag() == tag)
    }

    /// Its tag (BCP 47), for `lang`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Arabic => "ar",
        }
    }

    /// True when it is written from right to left.
    #[must_use]
    pub const fn is_right_to_left(self) -> bool {
        matches!(self, Self::Arabic)
    }
}

pub(super) fn key_subject(language: Language, product: &str) -> String {
    match language {
        Language::English => format!("Your license for {product}"),
        Language::German => format!("Ihre Lizenz für {product}"),
        Language::Arabic => format!("ترخيصك لـ {product}"),
    }
}

pub(super) fn key_text(language: Language, product: &str) -> String {
    match language {
        Language::English => format!(
            "Thank you. Your license for {product} is ready. Open this page to see your license key:"
        ),
        Language::German => format!(
            "Vielen Dank. Ihre Lizenz für {product} ist bereit. Auf dieser Seite finden Sie Ihren Lizenzschlüssel:"
        ),
        Language::Arabic => {
            format!("شكرًا لك. ترخيصك لـ {product} جاهز. افتح هذه الصفحة لترى مفتاح الترخيص:")
        }
    }
}

pub(super) fn changed_subject(language: Language, product: &str) -> String {
    match language {
        Language::English => format!("Your license key for {product} was changed"),
        Language::German => format!("Ihr Lizenzschlüssel für {product} wurde geändert"),
        Language::Arabic => format!("تم تغيير مفتاح ترخيصك لـ {product}"),
    }
}

pub(super) fn changed_text(language: Language, product: &str) -> String {
    match language {
        Language::English => format!(
            "Your license key for {product} was replaced. The old key no longer works. Open this page to see the new one, and enter it in the app:"
        ),
        Language::German => format!(
            "Ihr Lizenzschlüssel für {product} wurde ersetzt. Der alte Schlüssel gilt nicht mehr. Auf dieser Seite finden Sie den neuen; geben Sie ihn in der Anwendung ein:"
        ),
        Language::Arabic => format!(
            "تم استبدال مفتاح ترخيصك لـ {product}. المفتاح القديم لم يعد صالحًا. افتح هذه الصفحة لترى المفتاح الجديد وأدخله في التطبيق:"
        ),
    }
}

pub(super) const fn changed_warning(language: Language) -> &'static str {
    match language {
        Language::English => "If you did not ask for this, contact us.",
        Language::German => "Haben Sie das nicht veranlasst, wenden Sie sich an uns.",
        Language::Arabic => "إن لم تطلب ذلك، فتواصل معنا.",
    }
}

pub(super) fn recovery_subject(language: Language, vendor: &str) -> String {
    match language {
        Language::English => format!("Your licenses from {vendor}"),
        Language::German => format!("Ihre Lizenzen von {vendor}"),
        Language::Arabic => format!("تراخيصك من {vendor}"),
    }
}

pub(super) const fn recovery_text(language: Language) -> &'static str {
    match language {
        Language::English => {
            "Somebody, probably you, asked for the licenses of this e-mail address. Open this page to see them:"
        }
        Language::German => {
            "Jemand, vermutlich Sie, hat nach den Lizenzen dieser E-Mail-Adresse gefragt. Auf dieser Seite finden Sie sie:"
        }
        Language::Arabic => {
            "طلب شخص ما، على الأرجح أنت، تراخيص هذا البريد الإلكتروني. افتح هذه الصفحة لتراها:"
        }
    }
}

pub(super) const fn recovery_ignore(language: Language) -> &'static str {
    match language {
        Language::English => {
            "If it was not you, ignore this mail. Only this mail has the link; do not pass it on."
        }
        Language::German => {
            "Waren Sie es nicht, ignorieren Sie diese Mail. Nur diese Mail enthält den Link; geben Sie ihn nicht weiter."
        }
        Language::Arabic => {
            "إن لم تكن أنت، فتجاهل هذه الرسالة. الرابط موجود في هذه الرسالة فقط؛ لا تشاركه مع أحد."
        }
    }
}

pub(super) fn until(language: Language, time: &str) -> String {
    match language {
        Language::English => format!("The link works until {time}. After that, ask for a new one:"),
        Language::German => {
            format!("Der Link gilt bis {time}. Danach fordern Sie hier einen neuen an:")
        }
        Language::Arabic => format!("الرابط صالح حتى {time}. بعد ذلك اطلب رابطًا جديدًا:"),
    }
}

pub(super) const fn order(language: Language) -> &'static str {
    match language {
        Language::English => "Order number:",
        Language::German => "Bestellnummer:",
        Language::Arabic => "رقم الطلب:",
    }
}

pub(super) const fn help(language: Language) -> &'static str {
    match language {
        Language::English => "Questions? Contact us:",
        Language::German => "Fragen? So erreichen Sie uns:",
        Language::Arabic => "لديك أسئلة؟ تواصل معنا:",
    }
}

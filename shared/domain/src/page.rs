//! Pages of lists: newest first. A cursor is a position, not a number of rows to
//! skip, so what is added or removed meanwhile neither repeats a row nor loses one.

use crate::dates::MAX_UNIX_SECONDS;
use data_encoding::BASE64URL_NOPAD;

/// Where a page ends: the row's time and id, which order every list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Unix seconds.
    pub at: i64,
    /// Id of the row.
    pub id: String,
}

/// A checked page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many rows to answer; ask the database for one more to know whether
    /// there is a next page.
    pub limit: i64,
    /// The last row of the page before.
    pub after: Option<Position>,
}

impl Page {
    /// Cuts the rows to the page. Answers the cursor of the next one, where
    /// there are more rows than fit.
    pub fn cut<T>(&self, rows: &mut Vec<T>, position: impl Fn(&T) -> Position) -> Option<String> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(|row| position(row).write())
    }
}

impl Position {
    /// Before every row, for the first page.
    #[must_use]
    pub fn newest() -> Self {
        Self {
            at: MAX_UNIX_SECONDS + 1,
            id: String::new(),
        }
    }

    /// The cursor that leads on from here.
    #[must_use]
    pub fn write(&self) -> String {
        BASE64URL_NOPAD.encode(format!("{} {}", self.at, self.id).as_bytes())
    }

    /// Reads a cursor; `None` when [`Self::write`] did not make it.
    #[must_use]
    pub fn read(cursor: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (at, id) = text.split_once(' ')?;
        Some(Self {
            at: at.parse().ok()?,
            id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_row_it_was_made_from() {
        let page = Page {
            limit: 2,
            after: None,
        };
        let at = |id: &&str| Position {
            at: 7,
            id: (*id).to_owned(),
        };
        let mut rows = vec!["c", "b", "a"];
        let cursor = page.cut(&mut rows, at).expect("more rows");
        assert_eq!(rows, ["c", "b"]);
        assert_eq!(Position::read(&cursor), Some(at(&"b")));
        assert_eq!(page.cut(&mut vec!["a"], at), None);
        for bad in ["", "!", "AAAA", "NyA=", "\u{e9}"] {
            assert_eq!(Position::read(bad), None, "{bad}");
        }
    }
}

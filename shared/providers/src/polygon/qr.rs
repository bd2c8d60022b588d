//! A QR code as an image.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// Side of the image in its own units; a page scales it as it likes.
const SIDE: u32 = 240;

/// Text that does not fit into a QR code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for a QR code")]
pub struct QrError;

/// An SVG document that shows the text as a QR code, black on white, with the
/// quiet zone around it that the standard asks for. No script and no outside
/// reference is in it.
///
/// # Errors
/// [`QrError`] when the text is too long, some 2,300 bytes.
pub fn svg(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrError)?;
    Ok(code
        .render::<svg::Color<'_>>()
        .min_dimensions(SIDE, SIDE)
        .quiet_zone(true)
        .dark_color(svg::Color("#000000"))
        .light_color(svg::Color("#ffffff"))
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rqrr::PreparedImage;

    /// The numbers of a path command such as `M40 40h4v4H40V40`.
    fn numbers(rectangle: &str) -> [usize; 4] {
        let parts: Vec<usize> = rectangle
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        parts[..4].try_into().expect("four numbers")
    }

    /// Paints the image as a browser does, and reads it as a wallet does.
    fn scanned(image: &str) -> String {
        let side = image.split("width=\"").nth(1).expect("a width");
        let side: usize = side
            .split('"')
            .next()
            .expect("a number")
            .parse()
            .expect("a number");
        let path = image.rsplit(" d=\"").next().expect("a path");
        let path = path.split('"').next().expect("a path");
        let mut pixels = vec![255_u8; side * side];
        for rectangle in path.split('M').filter(|part| !part.is_empty()) {
            let [left, top, width, height] = numbers(rectangle);
            for y in top..top + height {
                pixels[y * side + left..y * side + left + width].fill(0);
            }
        }
        let mut image =
            PreparedImage::prepare_from_greyscale(side, side, |x, y| pixels[y * side + x]);
        let codes = image.detect_grids();
        assert_eq!(codes.len(), 1);
        codes[0].decode().expect("a readable code").1
    }

    #[test]
    fn a_scanner_reads_what_was_written() {
        for text in [
            "ethereum:0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359@137/transfer?address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed&uint256=25000001",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ] {
            let image = svg(text).expect("an image");
            assert_eq!(scanned(&image), text);
            assert!(!image.contains("script") && !image.contains("href"));
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        assert_eq!(svg(&"x".repeat(3_000)), Err(QrError));
    }
}

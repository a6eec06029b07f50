//! A page of documentation: self-contained HTML, readable in light and dark, with nothing fetched from anywhere.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("page.css");

/// Nothing may run and nothing may load but the page's own style, known by its hash.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

pub(crate) fn html(title: &str, body: &str) -> Response {
    let title = escape(title);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, page).into_response()
}

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The Markdown that our own pages are written in: headings, paragraphs, lists, tables, fenced and inline code.
pub(crate) fn markdown(text: &str) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    let mut open = Block::None;
    for line in text.lines() {
        let next = Block::of(line, open);
        if next != open {
            html.push_str(open.end());
            html.push_str(next.start());
        } else if open == Block::Paragraph {
            html.push(' ');
        }
        match next {
            Block::Code if line.starts_with("```") => {}
            Block::Code => {
                html.push_str(&escape(line));
                html.push('\n');
            }
            Block::CodeEnd | Block::None => {}
            Block::Heading(level) => {
                html.push_str(&format!(
                    "<h{level}>{}</h{level}>\n",
                    inline(line.trim_start_matches('#').trim())
                ));
            }
            Block::List => {
                let item = line.trim_start_matches("- ");
                html.push_str(&format!("<li>{}</li>\n", inline(item)));
            }
            Block::Table if line.starts_with("|---") => {}
            Block::Table => {
                let cell = if open == Block::Table { "td" } else { "th" };
                html.push_str(&row(line, cell));
            }
            Block::Paragraph => html.push_str(&inline(line)),
        }
        open = if next == Block::CodeEnd { Block::None } else { next };
    }
    html.push_str(open.end());
    html
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    Heading(usize),
    Paragraph,
    List,
    Table,
    Code,
    CodeEnd,
}

impl Block {
    fn of(line: &str, open: Self) -> Self {
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        match (open, line) {
            (Self::Code, "```") => Self::CodeEnd,
            (Self::Code, _) => Self::Code,
            (_, line) if line.starts_with("```") => Self::Code,
            (_, line) if line.trim().is_empty() => Self::None,
            (_, line) if (1..=6).contains(&level) && line[level..].starts_with(' ') => Self::Heading(level),
            (_, line) if line.starts_with("- ") => Self::List,
            (_, line) if line.starts_with('|') => Self::Table,
            _ => Self::Paragraph,
        }
    }

    fn start(self) -> &'static str {
        match self {
            Self::None | Self::Heading(_) | Self::CodeEnd => "",
            Self::Paragraph => "<p>",
            Self::List => "<ul>\n",
            Self::Table => "<table>\n",
            Self::Code => "<pre><code>",
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::None | Self::Heading(_) | Self::CodeEnd => "",
            Self::Paragraph => "</p>\n",
            Self::List => "</ul>\n",
            Self::Table => "</table>\n",
            Self::Code => "</code></pre>\n",
        }
    }
}

fn row(line: &str, cell: &str) -> String {
    let inside = line.trim().trim_matches('|');
    let cells = inside.split('|').map(|text| format!("<{cell}>{}</{cell}>", inline(text.trim())));
    format!("<tr>{}</tr>\n", cells.collect::<String>())
}

/// Every second piece between backquotes is code.
fn inline(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    let pieces = pieces.map(|(index, piece)| match index % 2 {
        0 => escape(piece),
        _ => format!("<code>{}</code>", escape(piece)),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_markdown_becomes_html_and_nothing_in_it_does() {
        let html = markdown(
            "# a_code\n\nOne `<b>` line\nand more.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n- y\n\n```json\n{\"<\": 1}\n```\nEnd.",
        );
        assert_eq!(
            html,
            "<h1>a_code</h1>\n<p>One <code>&lt;b&gt;</code> line and more.</p>\n\
             <table>\n<tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>\n\
             <ul>\n<li>x</li>\n<li>y</li>\n</ul>\n<pre><code>{&quot;&lt;&quot;: 1}\n</code></pre>\n<p>End.</p>\n"
        );
    }
}

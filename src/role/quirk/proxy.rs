//! Faults of a media proxy that is under test: whom it asks, what it tells of its readers, what it
//! keeps; the rows MPX-008 to MPX-017.

use super::{Expect, Fault, Quirk, VARIANT};

const fn proxy(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk {
        id,
        fault,
        seat: "media-proxy",
        source,
        requirement,
        expect: Expect::Fail,
        profile: None,
        what,
    }
}

const fn should(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { expect: Expect::Warn, ..proxy(id, fault, requirement, source, what) }
}

pub(super) static ALL: &[Quirk] = &[
    proxy(
        "proxy-changes-bytes",
        Fault::ProxyChangesBytes,
        "MPX-008",
        VARIANT,
        "Adds a line break to what it passes on.",
    ),
    proxy(
        "proxy-forgets-base-path",
        Fault::ProxyForgetsBasePath,
        "MPX-008",
        VARIANT,
        "Asks the registered host, and not below the registered path.",
    ),
    proxy(
        "proxy-fetches-inner-hosts",
        Fault::ProxyFetchesUrls,
        "MPX-009",
        "GHSA-r6jg-jfv6-2fjv; NousResearch/hermes-agent#56231; n24q02m/wet-mcp#239",
        "Fetches whatever URL a reference turns out to be.",
    ),
    proxy(
        "proxy-decodes-reference",
        Fault::ProxyDecodesReference,
        "MPX-009",
        VARIANT,
        "Decodes a reference before it puts it behind the base, so that it leads out of it.",
    ),
    proxy(
        "proxy-ignores-integrator",
        Fault::ProxyIgnoresIntegrator,
        "MPX-009",
        VARIANT,
        "Asks the one third party that it knows, whoever is named.",
    ),
    proxy(
        "proxy-follows-redirects",
        Fault::ProxyFollowsRedirects,
        "MPX-010",
        "GHSA-r6jg-jfv6-2fjv; NousResearch/hermes-agent#56231",
        "Follows the third party wherever it sends it.",
    ),
    proxy(
        "proxy-sends-readers-on",
        Fault::ProxySendsReadersOn,
        "MPX-010",
        VARIANT,
        "Passes a redirect on, so that the reader goes to the third party itself.",
    ),
    proxy(
        "proxy-forwards-credentials",
        Fault::ProxyForwardsCredentials,
        "MPX-011",
        "CVE-2024-28849; stacklok/toolhive#4168; postmanlabs/postman-request#113",
        "Passes the reader's cookies and credentials on to the third party.",
    ),
    proxy(
        "proxy-forwards-user-agent",
        Fault::ProxyForwardsUserAgent,
        "MPX-011",
        VARIANT,
        "Passes on with what program its reader reads.",
    ),
    proxy(
        "proxy-adds-forwarded-for",
        Fault::ProxyAddsForwardedFor,
        "MPX-011",
        VARIANT,
        "Tells the third party its reader's address, as proxies do by default.",
    ),
    should(
        "proxy-passes-cookies",
        Fault::ProxyPassesCookies,
        "MPX-012",
        VARIANT,
        "Gives its reader the third party's cookies.",
    ),
    should(
        "proxy-collects-first",
        Fault::ProxyCollectsFirst,
        "MPX-013",
        VARIANT,
        "Passes a file on when it has all of it.",
    ),
    should(
        "proxy-asks-for-each",
        Fault::ProxyAsksForEach,
        "MPX-014",
        VARIANT,
        "Asks the third party once for every reader, all at once.",
    ),
    should(
        "proxy-errors-as-200",
        Fault::ProxyErrorsAs200,
        "MPX-015",
        VARIANT,
        "Gives its reader a page with status 200 where there is no file.",
    ),
    should(
        "proxy-cut-taken-as-whole",
        Fault::ProxyCutTakenAsWhole,
        "MPX-015",
        VARIANT,
        "Gives what it has of a file that breaks off for all of it.",
    ),
    proxy(
        "proxy-caches-partial-as-whole",
        Fault::ProxyKeepsParts,
        "MPX-016",
        "fabiocicerchia/go-proxy-cache#265",
        "Keeps the part that one reader asked for and gives it to the next one as the file.",
    ),
    proxy(
        "proxy-keeps-errors",
        Fault::ProxyKeepsErrors,
        "MPX-016",
        VARIANT,
        "Keeps an error for the file, whatever its server says later.",
    ),
    proxy(
        "proxy-answers-cross",
        Fault::ProxyAnswersCross,
        "MPX-016",
        "redis/redis-py#2633, #413 (class of fault); NousResearch/hermes-agent#75",
        "Uses a connection again on which a long answer is still under way: the next reader gets that one.",
    ),
    should(
        "proxy-makes-room-for-the-file",
        Fault::ProxyMakesRoom,
        "MPX-017",
        VARIANT,
        "Takes memory for a file as long as it is said to be.",
    ),
];

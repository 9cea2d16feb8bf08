//! # Attacks, their countermeasures, and the tests
//!
//! Each row names an attack, what the engine or the Django app does against it, and a test that tries
//! the attack and sees it fail. `x.rs::name` is a test of this crate, in `tests/`;
//! `tests/…` and `conformance/…` are Python's, at the root of the repository; `fuzz/…` is a target
//! of `make fuzz`. A test checks that each named test exists (`threats.rs`). What djwto does not
//! implement by design (encryption, fetching of keys) has a row too, with a test that it is absent.
//!
//! ## RFC 8725 §2: threats
//!
//! | § | attack | countermeasure | test |
//! |---|---|---|---|
//! | 2.1 | `alg` is changed to `none` and the signature dropped | `none` is no algorithm here, and a signature cannot be empty | `threats.rs::none_is_refused_in_any_letters_and_with_any_signature`, `conformance/test_bad_signatures.py::test_alg_none` |
//! | 2.1 | `RS256` is changed to `HS256`, and the public key serves as the secret | a key is bound to one algorithm when it is loaded; the header only has to agree | `verify.rs::a_token_of_one_algorithm_is_good_for_no_other` |
//! | 2.1 | the server itself is set up with a public key as its HMAC secret | a key of a pair is refused as a secret, however it is spelled | `keys.rs::a_key_as_the_secret_of_hmac_is_refused`, `found_keys.rs::a_public_key_in_any_spelling_is_no_secret` |
//! | 2.2 | a short secret is guessed offline from one token | a secret shorter than the hash is reported, and an error under `check --deploy` | `tests/test_conf.py::test_a_short_secret_warns_and_is_an_error_in_production` |
//! | 2.3 | an encrypted token is decrypted and its inner signature left unchecked | nothing is decrypted: five parts are no token | `threats.rs::an_encrypted_token_is_refused_unopened` |
//! | 2.4 | the length of a ciphertext tells of the text | no encryption, no compression | `threats.rs::an_encrypted_token_is_refused_unopened` |
//! | 2.5 | points off the curve draw out a private key in ECDH-ES | no key agreement; public keys are checked when loaded | `threats.rs::a_point_off_the_curve_is_no_key` |
//! | 2.6 | JSON in UTF-16 or UTF-32 is read otherwise elsewhere | UTF-8 without a byte order mark, or nothing | `conformance/test_bad_serializations.py::test_other_encodings`, `vectors.rs::verify` |
//! | 2.7 | a token meant for another service is sent here | `aud` is compared, and refused where none is configured | `tests/test_tokens.py::test_a_foreign_claim_is_refused`, `conformance/test_odd_claims.py::test_audience` |
//! | 2.8 | a refresh token opens a view, or the reverse | `type` is required and compared | `engine.rs::the_other_kind_is_refused_by_its_own_sentence`, `tests/test_authentication.py::test_only_an_access_token_opens_a_view` |
//! | 2.9 | claims and header reach a database, a file or a URL | identifiers are bounded and free of control characters; header URLs are never looked at; primary keys go through the ORM | `conformance/test_bad_signatures.py::test_key_is_never_taken_from_the_token`, `conformance/test_renewal.py::test_id_that_no_user_can_have`, `verify.rs::identifiers_fit_their_column` |
//!
//! ## RFC 8725 §3: practices
//!
//! | § | what could go wrong | countermeasure | test |
//! |---|---|---|---|
//! | 3.1 | one key works under two algorithms | one algorithm for a key, chosen by the operator | `verify.rs::a_token_of_one_algorithm_is_good_for_no_other`, `keys.rs::a_key_of_another_kind_or_curve_is_refused` |
//! | 3.2 | a weak algorithm, or a repeated nonce of ECDSA | a closed list without `none`; RSA of 2,048 bits or more; nonces are the library's, from the system's generator | `keys.rs::names_of_algorithms_are_exact`, `keys.rs::a_small_rsa_key_is_refused_when_it_is_loaded`, `threats.rs::no_two_signatures_of_ecdsa_share_a_nonce` |
//! | 3.3 | a check that fails is passed over | `Verified` cannot be made but by `verify`, and the signature comes first | `verify.rs::the_signature_comes_before_everything_that_it_covers` |
//! | 3.4 | zeros or values beyond the order pass as a signature | the library checks ranges; cases stand in the vectors | `vectors.rs::verify`, `threats.rs::signatures_of_zeros_are_refused_by_every_algorithm` |
//! | 3.4 | an Ed25519 key of small order lets an attacker make signatures | all its encodings are refused, and what is no point | `found_keys.rs::ed25519_points_of_small_order_are_refused_wherever_they_come_from` |
//! | 3.5 | a password serves as the key | as §2.2 | `tests/test_conf.py::test_a_short_secret_warns_and_is_an_error_in_production` |
//! | 3.6 | compression tells of the text, or blows up | `zip` is a word like any other: nothing is inflated | `threats.rs::a_compressed_payload_is_not_inflated` |
//! | 3.7 | another encoding than UTF-8 | as §2.6 | `conformance/test_bad_serializations.py::test_other_encodings` |
//! | 3.8 | a token of another issuer or subject | both are compared letter by letter where configured | `verify.rs::any_other_issuer_is_refused`, `conformance/test_odd_claims.py::test_subject` |
//! | 3.9 | a token for another audience, or for any | as §2.7; one shared entry is enough, and part of an entry is none | `conformance/test_odd_claims.py::test_audience`, `tests/test_tokens.py::test_one_shared_audience_is_enough` |
//! | 3.10 | `jku`, `x5u`, `jwk`, `kid` lead the server | none of them is followed | `conformance/test_bad_signatures.py::test_key_is_never_taken_from_the_token` |
//! | 3.11 | kinds are confused for want of a type | `type` in the claims, since 0.0.4 named it so; `typ` must be a text and is not compared | `conformance/test_odd_claims.py::test_type` |
//! | 3.12 | rules of two kinds overlap | an access token is refused where a refresh token is wanted, and the reverse, in every mode | `engine.rs::the_other_kind_is_refused_by_its_own_sentence`, `conformance/test_several_modes.py::test_no_script_can_turn_a_cookie_into_text` |
//!
//! ## What the draft after RFC 8725 adds
//!
//! draft-ietf-oauth-rfc8725bis, as of August 2026.
//!
//! | § | attack | countermeasure | test |
//! |---|---|---|---|
//! | 2.3 | a token encrypted with the public key is taken for a signed one | as §2.3 above: nothing is decrypted | `threats.rs::an_encrypted_token_is_refused_unopened` |
//! | 2.10, 3.13 | `p2c` asks for billions of hashes | PBES2 is not implemented | `threats.rs::an_encrypted_token_is_refused_unopened` |
//! | 2.11, 3.1 | `nOnE` passes a list of forbidden names | names are compared letter by letter with the one that is allowed | `threats.rs::none_is_refused_in_any_letters_and_with_any_signature`, `keys.rs::names_of_algorithms_are_exact` |
//! | 2.12, 3.15 | a small encrypted token inflates to gigabytes | as §3.6 above | `threats.rs::a_compressed_payload_is_not_inflated` |
//! | 2.13, 3.14 | a text is verified as JSON serialization and read as compact | the compact serialization alone, and one parse feeds both the check and the claims | `threats.rs::a_json_serialization_is_refused_though_it_splits_at_dots` |
//! | 3.2 | `EdDSA` leaves the curve open (RFC 9864) | both names mean Ed25519, and Ed448 is no key of theirs | `keys.rs::a_key_of_another_kind_or_curve_is_refused` |
//!
//! ## Flaws of other libraries
//!
//! ### `PyJWT`
//!
//! | record | attack | here | test |
//! |---|---|---|---|
//! | CVE-2017-11424 | a public key in PKCS#1 was not recognized as a key, and served as an HMAC secret | every PEM block is refused as a secret | `keys.rs::a_key_as_the_secret_of_hmac_is_refused` |
//! | CVE-2022-29217 | the same with SSH keys and other formats that the list of forbidden ones lacked | the algorithm is the key's, so a gap in the list lets in an operator's mistake, never an attacker | `verify.rs::a_token_of_one_algorithm_is_good_for_no_other`, `keys.rs::a_key_as_the_secret_of_hmac_is_refused` |
//! | CVE-2024-53861 | `iss` was sought inside of the wanted text, so that a part matched | compared whole | `threats.rs::part_of_an_issuer_subject_or_audience_is_none` |
//! | CVE-2025-45768 (disputed) | short keys were accepted silently | accepted with a warning, and an error in production | `tests/test_conf.py::test_a_short_secret_warns_and_is_an_error_in_production` |
//! | CVE-2026-32597 | unknown extensions in `crit` were passed over | `crit` refuses the token, with any list in it | `conformance/test_bad_signatures.py::test_crit` |
//! | GHSA-w7vc-732c-9m39 | with `b64` false, a payload of any size was decoded for nothing | size is bounded before anything is decoded; `b64` that is not true is refused | `compact.rs::the_longest_token_is_read_and_a_byte_more_is_not`, `vectors.rs::verify` |
//! | CVE-2026-48524 | each unknown `kid` made the server fetch its JWK Set, and a failure emptied the cache | all unknown ones together start at most one fetch in 10 seconds, and a failure keeps the keys; the engine itself fetches nothing | `published.rs::unknown_keys_start_one_fetch_at_a_time_and_seldom`, `conformance/test_bad_signatures.py::test_odd_kid` |
//!
//! ### python-jose
//!
//! | record | attack | here | test |
//! |---|---|---|---|
//! | CVE-2016-7036 | the MAC was compared byte by byte, and time told how many agreed | the library's constant-time comparison is the only one | `secrets.rs::a_mac_is_compared_by_the_library_alone` |
//! | CVE-2024-33663 | OpenSSH ECDSA keys and others served as HMAC secrets | as CVE-2022-29217 | `keys.rs::a_key_as_the_secret_of_hmac_is_refused` |
//! | CVE-2024-33664 | a compressed JWE filled the memory | nothing is decrypted or inflated | `threats.rs::an_encrypted_token_is_refused_unopened` |
//!
//! ### Authlib
//!
//! | record | attack | here | test |
//! |---|---|---|---|
//! | CVE-2024-37568 | without a list of algorithms, a public key verified HMACs | there is no call without an algorithm | `verify.rs::a_token_of_one_algorithm_is_good_for_no_other` |
//! | CVE-2025-59420 | unknown extensions in `crit` were passed over | as CVE-2026-32597 | `conformance/test_bad_signatures.py::test_crit` |
//! | CVE-2025-61920 | headers and signatures of any size were decoded | 16 KiB for the whole token, looked at first | `compact.rs::the_longest_token_is_read_and_a_byte_more_is_not`, `conformance/test_bad_serializations.py::test_a_megabyte` |
//! | CVE-2025-62706 | a compressed JWE filled the memory | as CVE-2024-33664 | `threats.rs::a_compressed_payload_is_not_inflated` |
//! | CVE-2026-27962 | with no key given, the one in the token's `jwk` verified it | no key is an error when the engine is built, and `jwk` is never read | `keys.rs::a_secret_is_any_bytes_but_none`, `conformance/test_bad_signatures.py::test_key_is_never_taken_from_the_token` |
//! | CVE-2026-28498 | a check of a hash passed where its algorithm was unknown | an unknown `alg` refuses the token | `conformance/test_bad_signatures.py::test_alg_that_is_not_the_keys` |
//! | CVE-2026-28802 | `none` with an empty signature passed again, in two releases | as §2.1 | `threats.rs::none_is_refused_in_any_letters_and_with_any_signature` |
//!
//! ### jsonwebtoken (npm)
//!
//! | record | attack | here | test |
//! |---|---|---|---|
//! | CVE-2015-9235 | a public key verified HMACs | as §2.1 | `verify.rs::a_token_of_one_algorithm_is_good_for_no_other` |
//! | CVE-2022-23539 | keys of another type than the algorithm's were used, such as DSA for RS256 | the kind, curve and size are checked when a key is loaded | `keys.rs::a_key_of_another_kind_or_curve_is_refused` |
//! | CVE-2022-23540 | without a list of algorithms and with an empty key, `none` passed | neither can be left out | `keys.rs::a_secret_is_any_bytes_but_none`, `tests/test_conf.py::test_no_key_at_all_is_named` |
//! | CVE-2022-23541 | a function that returns keys of several kinds led to confusion of algorithms | a key carries its algorithm with it | `verify.rs::a_token_of_one_algorithm_is_good_for_no_other` |
//! | CVE-2022-23529 (withdrawn) | an object in the place of the key ran code | a key is bytes | `tests/test_conf.py::test_a_wrong_value_is_named_by_the_error_and_by_its_own_check` |
//!
//! ### jsonwebtoken (Rust)
//!
//! | record | attack | here | test |
//! |---|---|---|---|
//! | CVE-2026-25537 | a time of a wrong type counted as absent, so its check was left out | a registered claim of a wrong type refuses the token, whether it is required or not | `threats.rs::a_time_of_a_wrong_type_is_refused_where_none_is_required` |
//!
//! ### djangorestframework-simplejwt
//!
//! | record | attack | here | test |
//! |---|---|---|---|
//! | CVE-2024-22513 | a user who was deactivated still got tokens | the user must be active at login and at each renewal, and is read again when a view touches `request.user` | `tests/test_views.py::test_deleted_and_inactive_users_get_nothing`, `tests/test_sessions.py::test_login_refuses_an_inactive_user_and_an_unknown_mode`, `tests/test_authentication.py::test_a_deactivated_user_is_nobody_though_the_token_lives` |
//!
//! ### Elsewhere
//!
//! | record | attack | here | test |
//! |---|---|---|---|
//! | CVE-2022-21449 (Java) | an ECDSA signature of two zeros verified everything | the library refuses zeros | `threats.rs::signatures_of_zeros_are_refused_by_every_algorithm` |
//! | CVE-2022-36083, CVE-2023-51774 (JOSE libraries) | `p2c` without a bound; encrypted taken for signed | nothing is decrypted | `threats.rs::an_encrypted_token_is_refused_unopened` |
//!
//! ## Keys as JWK, and rings of them
//!
//! | record | attack | countermeasure | test |
//! |---|---|---|---|
//! | GHSA-xgmm-8j9v-c9wx (`PyJWT`) | a public key as JSON text serves as an HMAC secret | a JWK or a JWK Set is refused as a secret, as PEM is | `jwk.rs::a_jwk_as_the_secret_of_hmac_is_refused` |
//! | CVE-2026-48523 (`PyJWT`) | the header's `alg` was on the list, and another one, the key's, did the work | a key of the ring is bound to one algorithm, and the header must name that one | `jwk.rs::a_key_of_the_ring_verifies_its_own_algorithm_alone` |
//! | RFC 8725 §3.1 | a key without `alg` is used with any that fits its kind | such a key is bound to the algorithm of its curve, an RSA key to RS256, and a secret is refused | `jwk.rs::a_jwk_without_alg_is_bound_when_it_is_loaded`, `jwk.rs::alg_must_be_one_of_the_keys_own` |
//! | RFC 7517 §4.2, §4.3 | a key for encryption, or one that may only verify, signs | `use` must be `sig` and `key_ops` must hold the operation, where they are given | `jwk.rs::use_and_key_ops_are_kept` |
//! | RFC 8725 §3.10 | `kid` is a path, a query, or picks a key of another kind | `kid` is compared with those of the ring and goes nowhere else; an unknown one refuses the token and tries no other key | `jwk.rs::an_unknown_kid_is_refused_and_no_other_key_is_tried` |
//! | RFC 7517 §4.5 | two keys of one `kid`: which verifies depends on the order | a ring with a `kid` twice cannot be built | `jwk.rs::a_kid_twice_in_a_ring_is_refused` |
//! | RFC 8725 §2.1 | a JWK Set mixes a secret and public keys, and is published with both | a set of both is refused | `jwk.rs::a_set_that_mixes_secrets_and_key_pairs_is_refused` |
//! | RFC 7517 §9.3 | a private key is published in the JWK Set of the server | what is exported holds public members alone | `jwk.rs::an_exported_set_has_no_private_member` |
//! | RFC 7517 §9.3 | the set at a URL holds a private key or a secret, which its readers can sign with | such a set is refused whole | `published.rs::a_published_set_has_only_public_keys` |
//! | RFC 7638 | two spellings of one key have two thumbprints | members are canonical before they are hashed | `jwk.rs::a_thumbprint_is_that_of_the_rfc` |
//! | CVE-2016-7036, once more | a cache of verified tokens compares a secret text byte by byte | it is looked up by a keyed hash of the whole token, expiry and revocation are checked each time, and a token that was refused is never in it | `cache.rs::a_cached_token_is_refused_once_it_expires`, `cache.rs::a_token_that_shares_its_parts_with_a_cached_one_is_verified_anew` |
//!
//! ## Cookies, pages and logs
//!
//! | attack | countermeasure | test |
//! |---|---|---|
//! | a subdomain plants a cookie | `__Host-` before the name keeps it out; without it two are refused, and cleared | `cookies.rs::with_host_every_cookie_is_on_the_root`, `cookies.rs::what_is_doubled_is_cleared_wherever_a_browser_may_hold_it`, `tests/served/browser/test_planted_cookies.py::test_with_host_a_neighbour_plants_nothing`, `credentials.rs::what_is_found_stands_in_the_header_under_its_name_once`, `conformance/test_odd_headers.py::test_two_cookies_of_one_name` |
//! | a name with invisible letters around it passes for ours | refused | `conformance/test_odd_headers.py::test_name_with_a_space_of_another_kind` |
//! | another site's page sends the cookie along | Django's CSRF token, wherever a cookie brought the token | `tests/test_authentication.py::test_csrf_concerns_a_token_from_a_cookie_and_nothing_else`, `tests/served/browser/test_other_sites.py::test_another_sites_form_carries_no_token` |
//! | the same at a service behind `djwto-server` | `Sec-Fetch-Site` or `Origin`, or Django's CSRF token, by Django's own rules | `csrf.rs::an_unsafe_method_needs_one_of_two_headers`, `vectors.rs::csrf` |
//! | another site's page opens a WebSocket with the cookies | it needs an `Origin` that is trusted | `csrf.rs::a_socket_needs_an_origin_under_both_rules_and_with_any_method` |
//! | a service behind `djwto-server` keeps the tokens that it gets, and logs in with them | it gets the client's headers without them, also under names that only its own parser takes for djwto's | `forwarded.rs::no_byte_of_a_token_is_in_what_is_left`, `forwarded.rs::a_name_that_some_parser_takes_for_ours_is_left_out`, `forwarded.rs::authorization_arrives_where_djwto_does_not_use_it`, `fuzz/fuzz_targets/forwarded.rs` |
//! | a service sends the assertion that it got to Django, or to another service | an assertion has a `typ` that no token has, and names one audience | `assertion.rs::typ_parts_assertions_from_tokens_of_the_same_key_under_every_algorithm`, `assertion.rs::each_claim_is_required_and_checked` |
//! | another site logs a visitor in as another user | `Origin` and `Sec-Fetch-Site` are checked at login | `tests/test_csrf.py::test_login_from_another_site` |
//! | another site's page renews a session unseen | `return/` takes the navigation of a window alone, by the browser's Fetch Metadata | `tests/test_return.py::test_anything_but_a_navigation_of_a_window_is_403`, `tests/served/browser/test_return.py::test_a_page_of_the_same_site_renews_nothing_unseen` |
//! | a link to `return/` leads to a foreign site | `next` is an https URL of a listed host | `tests/test_return.py::test_a_bad_next_is_400_and_renews_nothing`, `tests/served/browser/test_return.py::test_the_login_page_goes_on_to_no_other_host` |
//! | a script asks for a cookie's token as text | a renewal answers where its token came from | `conformance/test_several_modes.py::test_no_script_can_turn_a_cookie_into_text` |
//! | a cache keeps a reply with tokens, or a guarded page | `no-store`, `private`, `Vary` | `tests/test_cache.py::test_nothing_personal_is_served_to_another` |
//! | a database that leaks logs people in | the blacklist holds identifiers alone | `tests/test_migrations.py::test_a_database_of_004_migrates_in_place` |
//! | a log, a mail or an exception shows a token, key or password | hand-written `Debug`, sentences without quotes from the input, a filter for Django's reports | `secrets.rs::no_public_type_prints_a_token`, `secrets.rs::no_refusal_of_a_key_prints_it`, `tests/test_secrets.py::test_error_reports_hide_every_token_with_our_filter` |
//! | a core dump or a reused page holds a private key | decoded keys are wiped when dropped; the library wipes its own. The text in Django's settings is out of reach: Python wipes nothing | `secrets.rs::decoded_private_keys_are_wiped` |
//! | input panics, or two readers disagree about it | fuzzed, and compared with a second implementation | `tests/test_differential.py::test_the_engine_is_never_laxer_and_stricter_only_with_a_reason`, `fuzz/fuzz_targets/compact.rs`, `fuzz/fuzz_targets/claims.rs`, `fuzz/fuzz_targets/pem.rs`, `fuzz/fuzz_targets/jwk.rs`, `fuzz/fuzz_targets/cookies.rs` |
//!
//! ## Sessions: RFC 9700 §4.14, OWASP ASVS 5 V7
//!
//! | § | attack | countermeasure | test |
//! |---|---|---|---|
//! | RFC 9700 §4.14.2 | a stolen refresh token is used after its owner has renewed | a used generation that comes again after the grace ends the session, for both | `tests/test_renewal.py::test_a_replay_ends_the_session`, `conformance/test_sessions.py::test_an_old_token_ends_the_session` |
//! | RFC 9700 §4.14.2 | it is used before its owner, who renews later | the same: the later one of the two ends the session | `rotation.rs::the_table` |
//! | RFC 9700 §4.14.2 | within the grace it is used to fork the session | there is one successor, the same for all, and nothing else is signed | `tests/test_renewal.py::test_whoever_comes_again_gets_the_same_successor` |
//! | | a cookie's token is sent as a `Bearer` token, to go round rotation | the mode in which a session was opened decides | `tests/test_renewal.py::test_a_cookies_token_is_rotated_in_a_header_too` |
//! | | the clock of the store is set back, so that a replay looks new | a negative time renews nothing | `tests/test_renewal.py::test_a_clock_that_was_set_back_ends_nothing` |
//! | | lifetimes are shortened, and the record of an ended session is cleaned up too soon | rows say until when their tokens live; a token without a row renews nothing | `tests/test_renewal.py::test_shorter_lifetimes_bring_no_ended_session_back` |
//! | RFC 9700 §4.14.2 | a session is renewed for ever | an absolute end, which no renewal moves | `tests/test_renewal.py::test_no_renewal_moves_the_absolute_end` |
//! | ASVS 7.4.1 | an access token is used after a logout, from the cache of verified tokens too | every verification asks the set of ended sessions | `cache.rs::a_cached_token_is_refused_once_its_session_has_ended`, `feed.rs::every_ended_row_gets_into_the_set_and_none_is_read_twice`, `tests/test_revocation.py::test_a_session_that_another_process_ended_is_heard_of` |
//! | RFC 8725 §3.11 | another client of Redis tells of sessions that did not end, of 40,000 ids that share a hash, or of times that never come | messages are signed, with a `typ` of their own; the set is bounded, and hashed by a random key | `messages.rs::a_message_is_no_token_and_a_token_is_no_message`, `tests/test_redis_channel.py::test_what_is_not_signed_ends_nothing_and_is_a_reason_to_look` |
//! | ASVS 7.4.2, 7.4.3 | a user who was deactivated, or has a new password, goes on elsewhere | their sessions end at once | `tests/test_receivers.py::test_a_deactivated_user_is_out_at_once`, `tests/test_receivers.py::test_another_password_ends_every_session` |
//! | | a rehash of the password brings sessions of an older password back | only those of the very hash that was replaced are kept | `tests/test_receivers.py::test_a_rehash_brings_no_session_back_whose_password_was_changed` |
//! | ASVS 7.5.2 | one user looks at another's sessions, or ends them | they are looked up by the user of the token | `conformance/test_sessions.py::test_another_users_session_is_not_there` |
//! | ASVS 8.4.1 | user 1 of one tenant is user 1 of another, or sees, counts or ends what is that one's | the claim `tenant` must be the request's, from the cache too; sessions and counts hold it | `tenants.rs::a_token_of_another_tenant_or_of_none_is_refused_from_the_cache_too`, `tenants.rs::accounts_of_one_name_are_counted_apart_and_their_network_is_not`, `tests/test_tenants.py::test_lists_and_ends_stay_in_the_tenant`, `tests/served/tenants/test_django_tenants.py::test_no_token_crosses` |
//! | ASVS 6.3.1 | passwords are guessed | a throttle by account and network, and a ceiling that no one can lock an owner out with | `tests/test_throttle.py::test_the_ceiling_spares_networks_that_the_account_has_logged_in_from` |
//! | | guesses at `alice`, freed by logging in as `Alice` | a success frees only what its own name has used | `tests/test_throttle_counts.py::test_a_success_clears_only_what_its_own_name_has_used` |
//! | | one password is tried on many accounts | a count of the network | `tests/test_throttle_counts.py::test_300_names_from_one_address_get_200_answers` |
//! | | a foreign page fails logins, so that its visitor is locked out | other origins are counted apart | `tests/test_throttle_counts.py::test_a_foreign_page_locks_its_visitor_out_of_nothing` |
//! | | guesses at one-time codes, or at the old password of a stolen session | both are failed logins | `tests/test_throttle_counts.py::test_a_wrong_one_time_code_is_a_failed_login`, `tests/test_throttle_counts.py::test_300_wrong_old_passwords_get_five_answers` |
//! | | many logins at once keep every thread and processor busy | a bound on passwords checked at once, and no waiting while logins fail | `tests/test_throttle_gate.py::test_while_logins_fail_none_waits` |
//!
//! ## Forward-auth: `djwto-server` behind a proxy
//!
//! The tests in `tests/proxies/` run with nginx and with Envoy, as `deploy/` configures them.
//!
//! | record | attack | countermeasure | test |
//! |---|---|---|---|
//! | GHSA-7r4p-vjf4-gxv4 (Caddy) | the guard sets no header on some requests, and the client's own header of that name reaches the service | every header that the guard may set is deleted first, on public paths too | `tests/proxies/test_forged.py::test_a_forged_user_does_not_arrive`, `tests/proxies/test_tokens.py::test_a_public_path_has_no_assertion` |
//! | GHSA-f59h-q822-g45g (Caddy), CVE-2026-54763 (Traefik) | `X_Djwto_Assertion` is not deleted, and CGI reads it as `X-Djwto-Assertion` | names with underscores or other odd signs do not pass | `tests/proxies/test_forged.py::test_other_spellings_do_not_arrive` |
//! | CVE-2026-33433 (Traefik) | a header in other letters comes first, and the service reads that one | names are compared without case, and the client's are deleted | `tests/proxies/test_forged.py::test_a_forged_user_does_not_arrive` |
//! | CVE-2026-39858 (Traefik) | `X_Forwarded_Proto` and its kind change what the guard believes | the headers of the peer's own kind are read and no others, and the proxy overwrites them | `tests/proxies/test_forged.py::test_forged_forwarding_changes_no_decision` |
//! | CVE-2026-40575 (oauth2-proxy) | a client's `X-Forwarded-Uri` names a public path, and the service gets another | the proxy writes it from the request line; a peer that is not listed gets nothing | `tests/proxies/test_forged.py::test_forged_forwarding_changes_no_decision`, `tests/proxies/test_requests.py::test_a_peer_that_is_not_listed` |
//! | GHSA-p224-6x5r-fjpm (Oathkeeper) | `/public/../admin` matches a rule for `/public/`, and the service serves `/admin` | all readings of a path need the same answer | `tests/proxies/test_paths.py::test_what_is_not_allowed_does_not_arrive`, `fuzz/fuzz_targets/rules.rs` |
//! | GHSA-vhr5-ggp3-qq85 (Oathkeeper) | a client's `X-Forwarded-Proto` picks another rule | the scheme picks no rule, and the proxy overwrites it | `tests/proxies/test_forged.py::test_forged_forwarding_changes_no_decision` |
//! | the kind of CVE-2024-47082 (GraphQL) | a service exempts its endpoint from CSRF, and another site posts to it with the user's cookies | the guard checks the origin of each unsafe request that a cookie opened | `tests/proxies/test_csrf.py::test_a_page_elsewhere`, `tests/proxies/test_browser.py::test_a_sibling_fails_at_all_three` |
//! | RFC 6455 §10.2 | another site opens a WebSocket with the user's cookies | a socket that a cookie opened needs a matching `Origin` | `tests/proxies/test_requests.py::test_a_socket_of_another_page` |
//! | CVE-2026-88008 (Traefik) | `Upgrade: h2c` makes a tunnel past the guard | WebSockets alone are upgraded | `tests/proxies/test_requests.py::test_another_upgrade` |
//! | CVE-2026-88004 (Traefik) | a trailer smuggles a header in after the decision | trailers do not arrive | `tests/proxies/test_forged.py::test_a_trailer_does_not_arrive` |
//! | | `Connection: X-Djwto-Assertion` makes the proxy drop the guard's header | it arrives all the same | `tests/proxies/test_forged.py::test_a_header_that_is_named_hop_by_hop_arrives` |
//! | | the service takes the user's token and acts as the user elsewhere | no byte of a token reaches it; an assertion names one audience, and opens nothing here | `tests/proxies/test_tokens.py::test_cookies`, `tests/proxies/test_tokens.py::test_a_bearer_token`, `tests/proxies/test_tokens.py::test_an_assertion_opens_nothing` |
//! | | the guard is stopped or overloaded, so that requests pass unasked | no request reaches the service | `tests/proxies/test_faults.py::test_a_guard_that_fails`, `tests/proxies/test_deploy.py::test_no_file_lets_requests_pass_a_guard_that_fails` |
//! | | an attacker runs code in the guard, and signs tokens or changes rules | its account may not read Django's private key or `SECRET_KEY`, and may write nothing; systemd takes the rest away | `tests/proxies/test_account.py::test_the_server_may_not_read_what_signs`, `tests/proxies/test_unit.py::test_the_restrictions_of_the_unit_hold` |
//! | | another account of the machine changes the rules or the export | a file that others may change is refused, also by a running guard | `crates/djwto-server/tests/it/operation.rs::a_file_that_others_may_change_is_refused_at_the_start_and_later` |
//! | ASVS 7.4.1 | a session goes on at the service after a logout | the guard reads ended sessions, and forgets its assertion | `tests/proxies/test_sessions.py::test_a_logout_in_django_is_a_refusal_here` |

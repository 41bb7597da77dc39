using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>What deciders sign. The vectors were computed outside of this project, from the description alone.</summary>
public sealed class RequestDigestTests
{
    private static readonly RecoveryRequest Full = Request(Means.Code, Channel.Voice) with
    {
        NotBefore = Now + TimeSpan.FromHours(1),
        Revoke = [Revocation.Sessions, Revocation.Passkeys],
        Reason = new Reason("lost_phone", "The phone fell into a lake: ünï €.", "HELP-1"),
        RequestKeyFingerprint = "aa:bb",
    };

    [Fact]
    public void Is_the_published_vector_for_a_full_request() =>
        Full.Digest(Tenant, RequestersProgramme).ShouldBe("-_N5iFgUilnlItbUtGYQkDu2j9yB7HtrbH3-MtqTP8Y");

    [Fact]
    public void Is_the_published_vector_for_the_least_request() =>
        Request().Digest(Tenant, Requester).ShouldBe("9Nl3CjueJNVnVXTXw5mV9DV_Cn1jYp7McqTVgJYHin4");

    [Fact]
    public void The_call_key_is_the_published_vector() =>
        Request().CallKey(Tenant, Requester, new Dictionary<string, string>(StringComparer.Ordinal) { ["flow"] = "x", ["expires_in"] = "1h" })
            .ShouldBe("6Jxnb6SGUm9M2kswoceTHAFx2Z5cD-FrFEZd7BKtS7w");

    [Fact]
    public void The_order_of_what_is_revoked_does_not_matter() =>
        (Full with { Revoke = [Revocation.Passkeys, Revocation.Sessions] }).Digest(Tenant, Requester).ShouldBe(Full.Digest(Tenant, Requester));

    [Fact]
    public void Every_member_of_the_request_is_in_it()
    {
        var changed = new Dictionary<string, RecoveryRequest>(StringComparer.Ordinal)
        {
            [nameof(RecoveryRequest.Account)] = Full with { Account = Id<AccountId>(99) },
            [nameof(RecoveryRequest.AccountVersion)] = Full with { AccountVersion = 8 },
            [nameof(RecoveryRequest.Application)] = Full with { Application = Id<ApplicationId>(99) },
            [nameof(RecoveryRequest.Means)] = Full with { Means = Means.Token },
            [nameof(RecoveryRequest.Channel)] = Full with { Channel = Channel.Email },
            [nameof(RecoveryRequest.Lifetime)] = Full with { Lifetime = Full.Lifetime + TimeSpan.FromSeconds(1) },
            [nameof(RecoveryRequest.CodeFormat)] = Full with { CodeFormat = Core.Secrets.CodeFormat.Letters },
            [nameof(RecoveryRequest.Digits)] = Full with { Digits = 7 },
            [nameof(RecoveryRequest.NotBefore)] = Full with { NotBefore = Full.NotBefore + TimeSpan.FromMilliseconds(1) },
            [nameof(RecoveryRequest.Revoke)] = Full with { Revoke = [Revocation.Sessions] },
            [nameof(RecoveryRequest.Reason)] = Full with { Reason = Full.Reason! with { Ticket = "HELP-2" } },
            [nameof(RecoveryRequest.Risk)] = Full with { Risk = new Risk(1, ["tor"]) },
            [nameof(RecoveryRequest.RequestKeyFingerprint)] = Full with { RequestKeyFingerprint = "aa:bc" },
        };

        typeof(RecoveryRequest).GetProperties().Where(p => p.CanWrite).Select(p => p.Name).ShouldBe(changed.Keys, ignoreOrder: true);
        changed.Values.Select(r => r.Digest(Tenant, Requester)).Append(Full.Digest(Tenant, Requester)).Distinct().Count()
            .ShouldBe(changed.Count + 1);
    }

    [Fact]
    public void Tenant_and_requester_are_in_it() => new[]
    {
        Full.Digest(Tenant, Requester),
        Full.Digest(TenantId.Parse("other"), Requester),
        Full.Digest(Tenant, Approver),
        Full.Digest(Tenant, RequestersProgramme),
        Full.Digest(Tenant, RequestersProgramme with { OwnerId = Approver.Id }),
        Full.Digest(Tenant, Requester with { Kind = PrincipalKind.ServiceAccount }),
    }.ShouldBeUnique();

    [Fact]
    public void A_reasons_parts_cannot_be_moved_into_each_other() => new[]
    {
        new Reason("a", "b", null), new Reason("ab", null, null), new Reason("a", null, "b"), new Reason(null, "a", "b"), new Reason("a", "", "b"),
    }.Select(r => (Full with { Reason = r }).Digest(Tenant, Requester)).ShouldBeUnique();

    [Fact]
    public void The_call_key_tells_callers_and_parameters_apart()
    {
        ImmutableDictionary<string, string> none = ImmutableDictionary<string, string>.Empty;
        new[]
        {
            Full.CallKey(Tenant, Requester, none),
            Full.CallKey(TenantId.Parse("other"), Requester, none),
            Full.CallKey(Tenant, Approver, none),
            Full.CallKey(Tenant, Requester, none.Add("a", "b")),
            Full.CallKey(Tenant, Requester, none.Add("a", "c")),
            (Full with { Account = Id<AccountId>(99) }).CallKey(Tenant, Requester, none),
            (Full with { Application = Id<ApplicationId>(99) }).CallKey(Tenant, Requester, none),
            (Full with { Means = Means.Token }).CallKey(Tenant, Requester, none),
            (Full with { Channel = Channel.Email }).CallKey(Tenant, Requester, none),
        }.ShouldBeUnique();
    }

    [Fact]
    public void The_call_key_does_not_depend_on_the_reason_or_the_accounts_version() =>
        (Full with { Reason = null, AccountVersion = 9 }).CallKey(Tenant, Requester, ImmutableDictionary<string, string>.Empty)
            .ShouldBe(Full.CallKey(Tenant, Requester, ImmutableDictionary<string, string>.Empty));
}

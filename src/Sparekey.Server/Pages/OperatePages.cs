using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Server.Pages;

/// <summary>What stands on each page of operators.</summary>
internal static class OperatePages
{
    /// <summary>Who is not signed in signs in with a passkey.</summary>
    public static Html SignIn(Words words, RelyingParty? party, string? fault, string next) => Html.Of(
        $"""
        {Layout.Fault(words, fault)}
        <h1>{words["operate_sign_in_heading"]}</h1>
        <p class="quiet">{words["operate_sign_in_text"]}</p>
        {SignInForm.Of(words, party, "/operate/sign-in", next)}
        """);

    /// <summary>What waits.</summary>
    public static Html List(Words words, Caller caller, IReadOnlyList<DescribedRecovery> waiting, string? more, DateTimeOffset now) => Html.Of(
        $"""
        <div class="wide">
        <h1>{words["operate_heading"]}</h1>
        {(waiting.Count == 0 ? Html.Of($"""<p class="card">{words["operate_none"]}</p>""") : Html.Of($"""<ul class="cards">{Html.Join(waiting.Select(w => Item(words, caller, w, now)))}</ul>"""))}
        {(more is null ? Html.Empty : Html.Of($"""<p><a href="/operate?cursor={more}">{words["operate_more"]}</a></p>"""))}
        {SignOut(words)}
        </div>
        """);

    /// <summary>Everything about one recovery, and the form that decides on it.</summary>
    public static Html One(Words words, RelyingParty? party, Caller caller, DescribedRecovery described, string? fault, string? done)
    {
        var recovery = described.Recovery;
        var request = recovery.Request;
        return Html.Of(
            $"""
            <div class="wide">
            {Layout.Fault(words, fault)}
            {(fault is null && done is not null ? Html.Of($"""<div class="card good" role="status"><p>{words[$"operate_done_{done}"]}</p></div>""") : Html.Empty)}
            <h1>{words["operate_recovery_heading"]}</h1>
            <div class="card">
            <dl>
            <dt>{words["redeemed_account"]}</dt><dd>{(described.Account is { } account ? DescribeRecoveries.NameOf(account) : words["operate_gone"])}</dd>
            {(described.Account is { } person ? Row(words["operate_role"], person.Groups.IsEmpty ? person.Role : $"{person.Role} ({string.Join(", ", person.Groups)})") : Html.Empty)}
            {Row(words["operate_state"], words[$"state_{WireName.Of(recovery.State)}"])}
            {Row(words["redeemed_by"], NameOf(words, described, recovery.RequestedBy))}
            <dt>{words["redeemed_when"]}</dt><dd>{Time(recovery.CreatedAt)}</dd>
            <dt>{words["operate_until"]}</dt><dd>{Time(recovery.OpenUntil)}</dd>
            {Row(words["operate_reason_code"], request.Reason?.Code)}
            {Row(words["redeemed_why"], request.Reason?.Text)}
            {Row(words["operate_ticket"], request.Reason?.Ticket)}
            {Row(words["operate_means"], $"{words[$"means_{WireName.Of(request.Means)}"]}, {words[$"channel_{WireName.Of(request.Channel)}"]}")}
            {Row(words["operate_request_key"], RequestKeyText.Of(recovery))}
            {Row(words["operate_lifetime"], Duration.Format(request.Lifetime))}
            {Row(words["operate_application"], described.Application)}
            {Row(words["operate_source"], recovery.Source)}
            {Row(words["operate_risk"], RiskOf(words, request.Risk))}
            <dt>{words["redeemed_number"]}</dt><dd class="number">{recovery.Id.ToString()}</dd>
            </dl>
            {(request.Revoke.IsEmpty ? Html.Empty : Html.Of($"""<h2>{words["redeemed_changes"]}</h2><ul>{Html.Join(request.Revoke.Select(r => Html.Of($"<li>{words[$"ends_{WireName.Of(r)}"]}</li>")))}</ul>"""))}
            </div>
            {Requirements(words, described)}
            {Decide(words, party, caller, recovery)}
            {History(words, described)}
            <p><a href="/operate">{words["operate_back"]}</a></p>
            {SignOut(words)}
            </div>
            """);
    }

    /// <summary>A refusal that has no page of its own.</summary>
    public static Html Refused(Words words, string fault) => Html.Of(
        $"""<div class="card fault" role="alert"><h1>{words["error_heading"]}</h1><p>{fault}</p></div><p><a href="/operate">{words["operate_back"]}</a></p>""");

    /// <summary>Signs out.</summary>
    public static Html SignOut(Words words) => Html.Of(
        $"""
        <form class="sign-out" method="post" action="/operate/sign-out">
        <button class="second" type="submit">{words["sign_out_button"]}</button>
        </form>
        """);

    private static Html Item(Words words, Caller caller, DescribedRecovery waiting, DateTimeOffset now)
    {
        var recovery = waiting.Recovery;
        var open = recovery.Requirements.Where(r => !r.IsMet(now)).Select(r => words[$"requirement_{WireName.Of(r.Kind)}"]).Distinct(StringComparer.Ordinal);
        return Html.Of(
            $"""
            <li class="card">
            <h2><a href="/operate/recoveries/{recovery.Id.ToString()}">{(waiting.Account is { } account ? DescribeRecoveries.NameOf(account) : words["operate_gone"])}</a></h2>
            <dl>
            {Row(words["redeemed_by"], NameOf(words, waiting, recovery.RequestedBy))}
            <dt>{words["redeemed_when"]}</dt><dd>{Time(recovery.CreatedAt)}</dd>
            {Row(words["redeemed_why"], recovery.Request.Reason?.Text ?? recovery.Request.Reason?.Code)}
            {Row(words["operate_ticket"], recovery.Request.Reason?.Ticket)}
            {Row(words["operate_open"], string.Join(", ", open))}
            </dl>
            {(IsTheirOwn(caller, recovery) ? Html.Of($"""<p class="quiet">{words["operate_own"]}</p>""") : Html.Empty)}
            </li>
            """);
    }

    private static Html Requirements(Words words, DescribedRecovery described) => described.Recovery.Requirements.IsEmpty
        ? Html.Empty
        : Html.Of(
            $"""
            <div class="card">
            <h2>{words["operate_requirements"]}</h2>
            <ul class="plain">{Html.Join(described.Recovery.Requirements.Select(r => RequirementOf(words, described, r)))}</ul>
            </div>
            """);

    private static Html RequirementOf(Words words, DescribedRecovery described, Requirement requirement)
    {
        var met = requirement.Kind == RequirementKind.Wait ? 0 : requirement.Met.Length;
        var count = requirement.Count > 1 ? $" ({met.ToString(CultureInfo.InvariantCulture)}/{requirement.Count.ToString(CultureInfo.InvariantCulture)})" : "";
        return Html.Of(
            $"""
            <li><strong>{words[$"requirement_{WireName.Of(requirement.Kind)}"]}</strong>{count}{DetailOf(words, requirement)}
            {(met == 0 && requirement.Kind != RequirementKind.SplitSecret ? Html.Of($"""<br><span class="quiet">{(requirement.Until is { } until ? Time(until) : Html.Of($"{words["operate_not_yet"]}"))}</span>""") : Html.Empty)}
            {Html.Join(requirement.Met.Select(m => Html.Of($"""<br><span class="quiet">{NameOf(words, described, m.By)}, {Time(m.At)}{(m.Over is null ? "" : $", {m.Over}")}{(m.Signature is null ? "" : $", {words["operate_signed"]}")}</span>""")))}
            </li>
            """);
    }

    private static string DetailOf(Words words, Requirement requirement)
    {
        var details = new List<string?>
        {
            requirement.EvidenceKind,
            requirement.TicketPattern,
            requirement.ReasonCodes.IsEmpty ? null : string.Join(", ", requirement.ReasonCodes),
            requirement.Over.IsEmpty ? null : string.Join(", ", requirement.Over),
            requirement.FromGroups.IsEmpty ? null : words.Fill("operate_from_groups", string.Join(", ", requirement.FromGroups)),
            requirement.FromAnotherGroup ? words["operate_another_group"] : null,
            requirement.ByManager ? words["operate_manager"] : null,
            requirement.OrEvidence ? words["operate_or_evidence"] : null,
            requirement.Signed ? words["operate_must_sign"] : null,
        };
        return string.Join("; ", details.OfType<string>()) is { Length: > 0 } text ? $": {text}" : "";
    }

    // What the form carries is the digest over everything that stands above it: what you see is what you sign.
    private static Html Decide(Words words, RelyingParty? party, Caller caller, Recovery recovery)
    {
        if (recovery.IsClosed)
        {
            return Html.Empty;
        }

        var why = IsTheirOwn(caller, recovery) ? words["operate_own"]
            : caller.Grant.Demand(Permission.RecoveryApprove) is not null ? words["operate_may_not"]
            : party is null ? words["sign_in_no_party"]
            : null;
        if (why is not null || party is null)
        {
            return Html.Of($"""<p class="card">{why}</p>""");
        }

        var at = $"/operate/recoveries/{recovery.Id}";
        var approvals = recovery.Requirements.Where(r => r.Kind == RequirementKind.Approvals).ToList();
        var agreed = approvals.Exists(r => r.Met.Any(m => m.By.IsSamePersonAs(caller.Principal)));
        var asked = !agreed && approvals.Exists(r => r.Met.Length < r.Count);
        return Html.Of(
            $"""
            <form class="card" method="post" action="{at}/deny" hidden{SignInForm.Attributes(words, party)}>
            <h2>{words["operate_decide"]}</h2>
            {(agreed ? Html.Of($"""<p>{words["operate_agreed"]}</p>""") : Html.Empty)}
            <p class="quiet">{words["operate_decide_text"]}</p>
            <input type="hidden" name="digest" value="{recovery.DecisionDigest}">
            <input type="hidden" name="credential" value="">
            <label for="comment">{words["operate_comment"]}</label>
            <textarea id="comment" name="comment" rows="3" maxlength="1000"></textarea>
            <p class="wrong" role="alert" hidden></p>
            <div class="choices">
            {(asked ? Html.Of($"""<button type="submit" formaction="{at}/approve" data-options="{at}/approve/options">{words["operate_approve"]}</button>""") : Html.Empty)}
            <button class="second" type="submit" formaction="{at}/deny" data-options="{at}/deny/options">{words["operate_deny"]}</button>
            </div>
            </form>
            {SignInForm.Instead(words)}
            {SignInForm.Script}
            """);
    }

    private static Html History(Words words, DescribedRecovery described) => Html.Of(
        $"""
        <div class="card">
        <h2>{words["operate_history"]}</h2>
        <ol class="plain">{Html.Join(described.History.Where(h => words.Find($"event_{WireName.Of(h.Event)}") is not null).Select(h => EntryOf(words, described, h)))}</ol>
        </div>
        """);

    private static Html EntryOf(Words words, DescribedRecovery described, RecoveryHistoryEntry entry) => Html.Of(
        $"""
        <li>{words[$"event_{WireName.Of(entry.Event)}"]}{(entry.Requirement is { } kind && words.Find($"requirement_{kind}") is { } name ? $": {name}" : "")}
        <br><span class="quiet">{NameOf(words, described, entry.By)}, {Time(entry.At)}{(entry.Signed ? $", {words["operate_signed"]}" : "")}</span>
        {(entry.Comment is { } said ? Html.Of($"""<blockquote>{said}</blockquote>""") : Html.Empty)}</li>
        """);

    private static bool IsTheirOwn(Caller caller, Recovery recovery) =>
        caller.Principal.IsSamePersonAs(recovery.RequestedBy) || caller.Principal.IsPersonOf(recovery.Request.Account);

    private static string NameOf(Words words, DescribedRecovery described, Principal principal) =>
        described.Names.GetValueOrDefault(principal.Id) is { } name
            ? principal.Kind == PrincipalKind.ServiceAccount ? words.Fill("operate_programme", name) : name
            : words[$"principal_{WireName.Of(principal.Kind)}"];

    private static string? RiskOf(Words words, Sparekey.Core.Policies.Risk? risk)
    {
        if (risk is null)
        {
            return null;
        }

        var parts = risk.Signs.ToList();
        if (risk.Score is { } score)
        {
            parts.Insert(0, words.Fill("operate_score", score.ToString(CultureInfo.InvariantCulture)));
        }

        return string.Join(", ", parts);
    }

    private static Html Row(string name, string? value) => string.IsNullOrEmpty(value) ? Html.Empty : Html.Of($"<dt>{name}</dt><dd>{value}</dd>");

    private static Html Time(DateTimeOffset time) => Html.Of(
        $"""<time datetime="{time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}">{time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)}</time>""");
}

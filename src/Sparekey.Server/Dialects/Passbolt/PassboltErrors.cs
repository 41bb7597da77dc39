using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>Our refusals in the vendor's words: a status, and for every field that is wrong the name of the rule.</summary>
internal static class PassboltErrors
{
    /// <summary>Writes a refusal, whoever refused.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refusal">The refusal.</param>
    public static Task Write(HttpContext context, Refusal refusal) => Of(refusal, context.GetEndpoint()?.Metadata.GetMetadata<PassboltFields>()).ExecuteAsync(context);

    /// <summary>The error of a refusal.</summary>
    /// <param name="refusal">The refusal.</param>
    /// <param name="fields">What the route calls its fields; null where none are wrong in it.</param>
    public static PassboltError Of(Refusal refusal, PassboltFields? fields = null) => refusal.Code switch
    {
        RefusalCode.InternalError => new(500, "An Internal Error Has Occurred."),
        RefusalCode.SessionInvalid or RefusalCode.Unauthenticated => PassboltError.NotSignedIn,
        RefusalCode.PermissionMissing or RefusalCode.AboveCeiling or RefusalCode.OwnAccount or RefusalCode.SeparationOfDuties
            or RefusalCode.RecentlyRecovered or RefusalCode.RecoveriesStopped or RefusalCode.PolicyRefuses or RefusalCode.OriginNotAllowed
            => new(403, ProblemKinds.SentenceOf(refusal)),
        RefusalCode.EscrowDisabled => new(400, "Account recovery is disabled."),
        RefusalCode.RecoveryNotFound => new(404, "The account recovery request does not exist."),
        RefusalCode.AccountNotFound => new(404, "The user does not exist or has been deleted."),
        RefusalCode.RouteNotFound or RefusalCode.UnknownHost or RefusalCode.TenantNotFound => PassboltError.NotFound,
        _ when refusal.Faults.Count > 0 => Fields(refusal, fields ?? PassboltFields.AsTheyAre),
        _ => new(Status(refusal), ProblemKinds.SentenceOf(refusal)),
    };

    private static PassboltError Fields(Refusal refusal, PassboltFields fields)
    {
        var body = new JsonObject();
        foreach (var fault in refusal.Faults)
        {
            var (path, rule) = fields.Of(fault);
            var at = body;
            foreach (var name in path)
            {
                at = at[name] is JsonObject deeper ? deeper : (JsonObject)(at[name] = new JsonObject());
            }

            at[rule] ??= fault.Detail;
        }

        return new PassboltError(Status(refusal) is 404 ? 400 : Status(refusal), "Could not validate the data.", body);
    }

    // The vendor has one status for whatever the data do not allow.
    private static int Status(Refusal refusal) => ProblemKinds.Of(refusal.Code).Status is var status and not (409 or 422) ? status : 400;
}

/// <summary>What a route calls the fields that ours are, and the rules.</summary>
/// <param name="Paths">By the beginning of our pointer, the names of theirs; the longest that fits counts.</param>
/// <param name="Rules">By our pointer's beginning and rule, the names of theirs; a rule alone counts everywhere.</param>
internal sealed record PassboltFields(IReadOnlyDictionary<string, string[]> Paths, IReadOnlyDictionary<string, string> Rules)
{
    /// <summary>The same names as ours.</summary>
    public static readonly PassboltFields AsTheyAre = new(
        new Dictionary<string, string[]>(StringComparer.Ordinal), new Dictionary<string, string>(StringComparer.Ordinal));

    private static readonly Dictionary<string, string> Everywhere = new(StringComparer.Ordinal)
    {
        ["required"] = "_required",
        ["not_a_uuid"] = "uuid",
        ["malformed"] = "uuid",
        ["not_found"] = "exists",
        ["not_in_list"] = "inList",
        ["forbidden"] = "notRequiredRule",
        ["not_pending"] = "isRequestPendingRule",
        ["wrong_recipient"] = "wrongRecipient",
        ["wrong_recipient_fingerprint"] = "wrongRecipient",
        ["invalid_password_count"] = "invalidPasswordCount",
        ["missing_password"] = "missingPasswordForPrivateKeyIds",
        ["duplicate_password"] = "invalidPasswordCount",
        ["private_key_unknown"] = "exists",
        ["unparsable"] = "isValidOpenPGPMessage",
        ["too_large"] = "isValidOpenPGPMessage",
        ["missing_checksum"] = "isValidOpenPGPMessage",
        ["wrong_checksum"] = "isValidOpenPGPMessage",
        ["blank_line_before_end"] = "isValidOpenPGPMessage",
        ["not_in_profile"] = "isValidOpenPGPMessage",
        ["no_recipient"] = "hasAsymmetricPacketRule",
        ["several_recipients"] = "hasAsymmetricPacketRule",
        ["opens_with_password"] = "hasAsymmetricPacketRule",
        ["no_password"] = "hasSymmetricPacketRule",
        ["opens_with_key"] = "hasSymmetricPacketRule",
    };

    /// <summary>Where a fault stands for them, and what they call it.</summary>
    /// <param name="fault">The fault.</param>
    public (IReadOnlyList<string> Path, string Rule) Of(FieldFault fault)
    {
        var prefix = Paths.Keys.Where(p => fault.Pointer == p || fault.Pointer.StartsWith(p + "/", StringComparison.Ordinal)).MaxBy(p => p.Length);
        var path = prefix is null
            ? Parts(fault.Pointer)
            : [.. Paths[prefix], .. Parts(fault.Pointer[prefix.Length..])];
        var rule = fault.Rule is not { } ours ? "invalid"
            : Rules.TryGetValue($"{fault.Pointer} {ours}", out var here) || Rules.TryGetValue(ours, out here) || Everywhere.TryGetValue(ours, out here) ? here
            : Camel(ours);
        return (path, rule);
    }

    private static List<string> Parts(string pointer) => [.. pointer.Split('/', StringSplitOptions.RemoveEmptyEntries)];

    private static string Camel(string name)
    {
        var words = name.Split('_');
        return words[0] + string.Concat(words.Skip(1).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
    }
}

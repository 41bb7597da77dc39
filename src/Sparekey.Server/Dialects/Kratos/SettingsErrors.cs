using System.Text.Json.Nodes;
using Sparekey.Engine.Flows;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>The errors of settings flows.</summary>
internal static class SettingsErrors
{
    /// <summary>Nobody is signed in.</summary>
    public static KratosError NoSession { get; } = new(401, "No active session was found in this request. Please log in.")
    {
        Id = "session_inactive",
        Message = "request does not have a valid authentication session",
    };

    /// <summary>Nobody is signed in who could look at a flow.</summary>
    public static KratosError NoCredentials { get; } =
        new(401, "Access privileges are missing, invalid, or not sufficient to access this endpoint: the session cookie or token is missing.")
        {
            Id = "session_inactive",
        };

    /// <summary>The flow is somebody else's.</summary>
    public static KratosError OtherPerson { get; } = new(403, "The request was made for another identity and has been blocked for security reasons.")
    {
        Id = "security_identity_mismatch",
    };

    /// <summary>The call names no flow.</summary>
    public static KratosError NoFlowId { get; } = new(400, "The flow query parameter is missing or malformed.");

    /// <summary>There is no such flow.</summary>
    public static KratosError NoFlow { get; } = new(404, "The settings request could not be found. Please restart the flow.");

    /// <summary>A flow that was looked at ran out: where the next one begins.</summary>
    /// <param name="call">The call.</param>
    /// <param name="flow">The flow.</param>
    /// <param name="now">The time.</param>
    public static KratosError Over(KratosCall call, SettingsFlow flow, DateTimeOffset now) => flow.IsNative
        ? KratosError.FlowExpired(flow.ExpiresAt, now, Guid.Empty) with
        {
            Details = new JsonObject { ["api"] = call.At("/self-service/settings/api") },
        }
        : new KratosError(410, "The settings flow has expired. Redirect the user to the settings flow init endpoint to initialize a new settings flow.")
        {
            Details = new JsonObject
            {
                ["redirect_to"] = KratosCall.With(call.At("/self-service/settings/browser"), ("return_to", flow.ReturnTo)),
                ["return_to"] = flow.ReturnTo ?? "",
            },
        };

    /// <summary>A kind of flow that there is none of here.</summary>
    /// <param name="name">Its name.</param>
    public static KratosError Disabled(string name) => new(400, $"{name} is not allowed because it was disabled.") { Id = "self_service_flow_disabled" };
}

using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Engine.Credentials.Keys;

namespace Sparekey.Engine.Tests.Credentials.Keys;

/// <summary>
/// What Dfns's own clients make with throw-away keys: a recovery key that is registered, and the whole body of a recovery with it. Every
/// other implementation of that protocol computes the same.
/// </summary>
internal static class DfnsVectors
{
    public const string RecoveryKeyId = "Ud0jMSTp6220EV-q7emRdULj-CT4cPG5aL3MShoj514";

    public const string RegistrationChallenge = "ch-39e46-hbmvm-8ltqq3sj4887e7p8";

    public const string RecoveryChallenge = "ch-79hht-mreok-8ap8qm2eieftjlag";

    public const string ClientDataHash = "4d3c002b808d8a4d5885a2cf1a07f0cb5d75e0ea90a539f9b6e03403c4600264";

    private const string RegistrationClientData =
        "eyJ0eXBlIjoia2V5LmNyZWF0ZSIsImNoYWxsZW5nZSI6IlkyZ3RNemxsTkRZdGFHSnRkbTB0T0d4MGNYRXpjMm8wT0RnM1pUZHdPQSIsIm9yaWdpbiI6Imh0" +
        "dHA6Ly9sb2NhbGhvc3Q6MzAwMCIsImNyb3NzT3JpZ2luIjpmYWxzZX0";

    private const string RegistrationAttestation =
        "eyJwdWJsaWNLZXkiOiItLS0tLUJFR0lOIFBVQkxJQyBLRVktLS0tLVxuTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFQWhmbUYvQzJSRGtv" +
        "SjQrV21aNXBvanBQTEJVcjMyMXMzMmJsdUFLQzFPMFpTbjNyeTVkeExTM2FQS2hhcUhaYVZ2UmZ4MWhabGxMeWlYeGxNRzVYbEE9PVxuLS0tLS1FTkQgUFVC" +
        "TElDIEtFWS0tLS0tIiwic2lnbmF0dXJlIjoiMzA0NjAyMjEwMGU4MmNiZmJiMDAyZjhiZGU4ZDJmZjQ0NDVjNzk5ODYxMjhlYjc4NzJiYzkyYjdiNTE2MDY3" +
        "YzYzMmNjNmUwNzYwMjIxMDBmMTg4MGJlMmM0ODM4NTkxYzk3YmRjZDRhMDYzNzNiYjc0YWI1MTEyM2VkODcyMDVhNGI0YTNkZDg3MmNlYzE5IiwiYWxnb3Jp" +
        "dGhtIjoiU0hBMjU2In0";

    private const string RecoveryClientData =
        "eyJ0eXBlIjoia2V5LmdldCIsImNoYWxsZW5nZSI6ImV5Sm1hWEp6ZEVaaFkzUnZja055WldSbGJuUnBZV3dpT25zaVkzSmxaR1Z1ZEdsaGJFdHBibVFpT2lK" +
        "TFpYa2lMQ0pqY21Wa1pXNTBhV0ZzU1c1bWJ5STZleUpqY21Wa1NXUWlPaUpoTWxZMVRGUkpJaXdpWTJ4cFpXNTBSR0YwWVNJNkltVjVTakJsV0VKc1NXcHZh" +
        "V0V5VmpWTWJVNTVXbGRHTUZwVFNYTkpiVTV2V1ZkNGMxcFhOVzVhVTBrMlNXMU9iMHhVWXpWaFIyZ3dURmN4ZVZwWE9YSk1WR2hvWTBSb2VHSlVTbXhoVjFa" +
        "dFpFZHdjMWxYWTJsbVVTSXNJbUYwZEdWemRHRjBhVzl1UkdGMFlTSTZJbVY1U25ka1YwcHpZVmRPVEZwWWEybFBhVWwwVEZNd2RFeFZTa1pTTUd4UFNVWkNW" +
        "bEZyZUVwUmVVSk1VbFpyZEV4VE1IUk1WbmgxVkZWYWNtUXdWak5YVldoTVlqRndTbVZ0YjNkUk1FWlNWMVZzVEdJeGNFcGxiVzkzVWtWR1Vsa3dVbEphTUVa" +
        "R1RWZDRlRlpIZDNwbFdFWlJWVzVPU2xJd1drMU1NVmt5V2xkV1UySkVhRmhYVlZwclpXeDRkVkZyZUhsalZFWlNWMGRTVUdFeWFGcGliRUpQVlZWa1IwNXJj" +
        "RlpOTUhodFYxZHNTV05WT1c5VWFrWlhTekZLTmt3eVVqQmliRnB0VVcxSmVGVlhXa1ZsUmxKUlQwUmFhbUV4VG05VlZEQTVXRWMwZEV4VE1IUk1WVlpQVWtO" +
        "Q1VWWlZTazFUVlUxblV6QldXa3hUTUhSTVV6RmpZbWxKYzBsdVRuQmFNalZvWkVoV2VWcFRTVFpKYWsxM1RrUlpkMDFxU1hoTlJFSnBUVzFaTTFwcVpHeGFS" +
        "MUp0VFdwU2JVNVVhR2hPYlZFMVQxUk9hazFxV1RST2FsVTBXbFJXYlUxVVFUSlBSMDVxVDFkWk0xbHRUbWxOZWxrMFdrUlJlVTB5VFhoWmFrRXpUbGRaTTA5" +
        "RVdteE5hbU0wVFVSSmVVMVVRWGRaZWxVd1dsUnNiVmxVYUd0YVJGSnRUbnByTkUxcVozbE5SRTB6V2tSa2EwNUVSbWxOVjFGNldXcGplazlVUVRGYWJVNXNX" +
        "V3BrYVU5VVNtaE5SR00xV1cxR2JWcFhTWGxaYWtwcldrUlZlVTV0U1hsWlUwbzVJbjE5ZlEiLCJvcmlnaW4iOiJodHRwOi8vbG9jYWxob3N0OjMwMDAiLCJj" +
        "cm9zc09yaWdpbiI6ZmFsc2V9";

    private const string RecoverySignature =
        "MEYCIQCW21w0RvXqCV2AgdcGlC7gqh3CAE88ABT6o_tT4KrIhgIhAN3QCzZh8ftoXo3xJHwFW4KM58SnQBWVGtu9zWE7Dmss";

    private const string PostedCredentials =
        "{\"firstFactorCredential\":{\"credentialKind\":\"Key\",\"credentialInfo\":{\"credId\":\"a2V5LTI\",\"clientData\":\"eyJ0eXBlIjoia2V5LmNy" +
        "ZWF0ZSIsImNoYWxsZW5nZSI6ImNoLTc5aGh0LW1yZW9rLThhcDhxbTJlaWVmdGpsYWcifQ\",\"attestationData\":\"eyJwdWJsaWNLZXkiOiItLS0tLUJFR" +
        "0lOIFBVQkxJQyBLRVktLS0tLVxuTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFMWxxVGwzeXFQUnNJR0ZML1Y2ZWVSbDhXWUZkelxuQkxyc" +
        "TFRWGRPa2hZblBOUUdGNkpVM0xmWWlIcU9oTjFWK1J6L2R0blZmQmIxUWZEeFRQODZja1NoUT09XG4tLS0tLUVORCBQVUJMSUMgS0VZLS0tLS1cbiIsInNpZ" +
        "25hdHVyZSI6IjMwNDYwMjIxMDBiMmY3ZjdlZGRmMjRmNThhNmQ5OTNjMjY4NjU4ZTVmMTA2OGNjOWY3YmNiMzY4ZDQyM2MxYjA3NWY3ODZlMjc4MDIyMTAwY" +
        "zU0ZTlmYThkZDRmNzk4MjgyMDM3ZDdkNDFiMWQzYjczOTA1ZmNlYjdiOTJhMDc5YmFmZWIyYjJkZDUyNmIyYSJ9\"}}}";

    /// <summary>The recovery key as it is registered.</summary>
    public static NewKey Registration { get; } = Key(RecoveryKeyId, RegistrationClientData, RegistrationAttestation);

    /// <summary>What the recovery key signed.</summary>
    public static KeyProof Recovery { get; } = new(RecoveryKeyId, Bytes(RecoveryClientData), Bytes(RecoverySignature));

    /// <summary>What was posted beside it.</summary>
    public static JsonNode NewCredentials => JsonNode.Parse(PostedCredentials)!;

    /// <summary>The new first factor of some credentials.</summary>
    public static NewKey FirstOf(JsonNode credentials)
    {
        var info = credentials["firstFactorCredential"]!["credentialInfo"]!;
        return Key(info["credId"]!.ToString(), info["clientData"]!.ToString(), info["attestationData"]!.ToString());
    }

    private static NewKey Key(string id, string clientData, string attestation)
    {
        var said = JsonNode.Parse(Encoding.UTF8.GetString(Bytes(attestation)))!;
        return new NewKey(id, Bytes(clientData), said["publicKey"]!.ToString(), Convert.FromHexString(said["signature"]!.ToString()))
        {
            Algorithm = said["algorithm"]?.ToString(),
        };
    }

    private static byte[] Bytes(string text) => Base64Url.DecodeFromChars(text);
}

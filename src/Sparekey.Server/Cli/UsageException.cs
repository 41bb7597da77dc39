namespace Sparekey.Server.Cli;

/// <summary>What was given cannot be used. The sentence is ours and may be shown.</summary>
/// <param name="message">Why.</param>
internal sealed class UsageException(string message) : Exception(message);

using System.Collections.Immutable;

namespace Sparekey.Engine.Secrets;

/// <summary>The 2 048 words of which phrases are made: the English list of BIP-39, no two of which begin with the same four letters.</summary>
internal static class PhraseWords
{
    /// <summary>The words.</summary>
    public static ImmutableArray<string> All { get; } = Read();

    private static ImmutableArray<string> Read()
    {
        using var stream = typeof(PhraseWords).Assembly.GetManifestResourceStream("Sparekey.Engine.Secrets.phrase-words.txt")
            ?? throw new InvalidOperationException("The word list is not embedded.");
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}

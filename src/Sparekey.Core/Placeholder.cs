namespace Sparekey.Core;

internal static class Placeholder;

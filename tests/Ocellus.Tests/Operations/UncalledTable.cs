using System.Runtime.CompilerServices;
using Ocellus.Operations;
using Ocellus.Protocol;

namespace Ocellus.Tests.Operations;

/// <summary>The operation table for tests that look at it and call nothing.</summary>
internal static class UncalledTable
{
    public static IReadOnlyDictionary<string, IOperation> Create() => OperationTable.Create(new Blank());

    private sealed class Blank : IServiceProvider
    {
        public object GetService(Type serviceType) => RuntimeHelpers.GetUninitializedObject(serviceType);
    }
}

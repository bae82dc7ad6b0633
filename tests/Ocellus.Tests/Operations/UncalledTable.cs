using System.Runtime.CompilerServices;
using Ocellus.Operations;
using Ocellus.Protocol;

namespace Ocellus.Tests.Operations;

/// <summary>The operation table for tests that look at it and call nothing.</summary>
internal static class UncalledTable
{
    public static IReadOnlyDictionary<string, IOperation> Create() => OperationTable.Create(Blank<ProjectOperations>(), Blank<DatasetOperations>(), Blank<PolicyOperations>(), Blank<TagOperations>(), Blank<StartProjectVersion>(), Blank<StopProjectVersion>(), Blank<DetectCustomLabels>());

    private static T Blank<T>() => (T)RuntimeHelpers.GetUninitializedObject(typeof(T));
}
